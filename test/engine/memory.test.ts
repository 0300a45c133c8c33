import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EngineUnderTest } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

const MESSAGES = 100_000;
const MESSAGES_OF_A_SESSION = 5;
const SESSIONS_AT_ONCE = 100;
/** Until then caches fill, code is compiled and heaps find their size. */
const WARM = 20_000;
const SAMPLE_EVERY = 2_000;

/**
 * How much more the last quarter of the samples may show than the first. Between the middles of
 * both lie 60,000 messages, which leave 60 MB behind where each leaves 1 KB.
 */
const GROWTH_MB = 10;

const SOURCE = `import { kv, log, sleep } from 'postern';
  export const options = { cpu: '1s', wall: '60s' };
  export function init() {}
  export function helo(session) { session.state.greeted = session.helo; }
  export function mail(session) {
    const { message, state } = session;
    state.messages = (state.messages ?? 0) + 1;
    message.state.number = state.messages;
    // Left behind, now and then: one that has not settled, and one that is rejected.
    if (state.messages === 3) sleep('1h').then(() => log.error('went on'));
    if (state.messages === 4 && Math.random() < 0.05) Promise.reject(new Error('left behind'));
  }
  export async function eom(session, message) {
    const { number } = message.state;
    const subject = message.headers.get('subject');
    if (number % 2 === 0) await Promise.all([kv.set('last', subject), kv.incr('all', 1, { ttl: '1h' })]);
    if (number % 5 === 0) await sleep(0);
    if (number % 5 === 1) (async () => { await kv.get('last'); await sleep('1h'); log.error('went on'); })();
    message.headers.add('X-Number', String(number));
  }
  export function close() {}`;

/** One connection of an MTA with its messages, some of them given up. */
async function converse(engine: EngineUnderTest, passed: () => void): Promise<void> {
  const session = engine.open();
  session.learn({ f: 'helo', name: 'mx.example.org' });
  await session.call({ phase: 'helo' });
  for (let number = 1; number <= MESSAGES_OF_A_SESSION; number += 1) {
    session.learn({ f: 'macros', stage: 'mail', values: { i: `Q${number}` } });
    session.learn({ f: 'mail', address: '<sender@example.org>', args: ['SIZE=1000'] });
    await session.call({ phase: 'mail' });
    session.learn({ f: 'recipient', address: '<recipient@example.com>', args: [] });
    session.learn({
      f: 'headers',
      block: `Subject\0 ${number}\0X-Long\0 ${'x'.repeat(800)}\0`,
      decoded: {},
    });
    if (number === 4) {
      // The client goes away in the middle of a handler.
      session.call({ phase: 'eom', size: 1000 });
      session.cancel();
    } else {
      const { modifications } = await session.call({ phase: 'eom', size: 1000 });
      if (modifications.length !== 1) throw new Error('a message was not handled');
    }
    session.endMessage();
    passed();
  }
  await session.call({ phase: 'close' });
  session.close();
}

/** Memory of a process in MB, as the system counts it. */
function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))!;
  return Number(kb) / 1024;
}

/** What this process, which is the worker here, still holds. */
function heldMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

test(`${MESSAGES} messages leave the runner's memory and the worker's as they were`, async () => {
  under = await EngineUnderTest.start([{ name: 'busy', source: SOURCE }]);
  const engine = under;
  const pid = engine.engine.runners[0]!.pid!;
  let count = 0;
  const runner: number[] = [];
  const passed = () => {
    count += 1;
    if (count >= WARM && count % SAMPLE_EVERY === 0) runner.push(residentMb(pid));
  };
  /** Sessions side by side until so many messages have passed. */
  const run = async (messages: number) => {
    const sides = Array.from({ length: SESSIONS_AT_ONCE }, async () => {
      while (count < messages) await converse(engine, passed);
    });
    await Promise.all(sides);
  };
  /** Everything that was logged, which this test keeps but the worker does not. */
  const errors = () =>
    engine.logged
      .splice(0)
      .filter(({ level, text }) => level === 'error' && !text.includes('nobody handled'));
  const idleTimers = timers();
  await run(WARM);
  expect(errors()).toEqual([]);
  const warmMb = heldMb();
  await run(MESSAGES);
  expect(errors()).toEqual([]);
  expect(engine.engine.runners[0]!.pid).toBe(pid);
  const quarter = Math.floor(runner.length / 4);
  const grownMb = median(runner.slice(-quarter)) - median(runner.slice(0, quarter));
  expect(grownMb).toBeLessThan(GROWTH_MB);
  // In the worker: neither calls, nor sessions, nor timers of sleeps that nobody waits for.
  expect(heldMb() - warmMb).toBeLessThan(4);
  expect(timers()).toBeLessThan(idleTimers + 10);
}, 180_000);
