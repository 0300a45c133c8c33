import type { EngineSession, Outcome } from '../../src/engine/contract.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import { EngineUnderTest } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;
let store: HeldList;

beforeEach(() => {
  store = new HeldList();
});

afterEach(async () => {
  store.release();
  await under?.stop();
  under = undefined;
});

/** Says when it is asked for the list, and answers that when the test lets it. */
class HeldList extends MemoryStore {
  readonly #asked = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly asked = this.#asked.promise;

  override async get(key: string): Promise<Buffer | undefined> {
    if (key.endsWith('/list')) {
      this.#asked.resolve();
      await this.#released.promise;
    }
    return super.get(key);
  }

  release(): void {
    this.#released.resolve();
  }
}

/** Every handler awaits one list; what the first one does with it is up to the test. */
async function start(first: string, wall = '60s', limits = {}): Promise<void> {
  under = await EngineUnderTest.start(
    [
      {
        name: 'shared',
        source: `import { kv, log, sleep } from 'postern';
          export const options = { cpu: '1s', wall: '${wall}' };
          let list;
          async function load() { return (await kv.get('list')) ?? ['nobody']; }
          export async function helo(session) {
            list ??= load();
            if (session.helo === 'first') { ${first} }
            await list;
            await kv.set(session.helo, 1);
            await Promise.all([kv.incr('n'), kv.incr('n'), kv.incr('n')]);
            await sleep(1);
            await Promise.all([kv.incr('n'), kv.incr('n'), kv.incr('n')]);
            log.info(session.helo + ' has ' + (await kv.get(session.helo)));
          }
          export async function mail() { await sleep(100); await kv.get('x'); }`,
      },
    ],
    limits,
    { stores: { default: store } },
  );
}

function helo(session: EngineSession, name: string): Promise<Outcome> {
  session.learn({ f: 'helo', name });
  return session.call({ phase: 'helo' });
}

interface Others {
  readonly named: string;
  readonly sessions: readonly EngineSession[];
  readonly outcomes: Promise<readonly Outcome[]>;
}

/** The sessions beside the first, all of which must have what they ask for. */
function others(count: number, named = 'other'): Others {
  const sessions = Array.from({ length: count - 1 }, () => under!.open());
  const outcomes = Promise.all(
    sessions.map((session, index) => helo(session, `${named}-${index}`)),
  );
  return { named, sessions, outcomes };
}

/** Every one of them came to its end, and its lines and calls are its own. */
async function expectAll({ named, sessions, outcomes }: Others): Promise<void> {
  for (const { verdict } of await outcomes) expect(verdict.kind).toBe('continue');
  for (const [index, { id }] of sessions.entries()) {
    const line = await under!.logs(({ text }) => text === `${named}-${index} has 1`);
    expect(line.fields.session).toBe(id);
  }
}

/** What the first handler does, and what becomes of it. */
const FIRSTS = [
  ['ends as soon as it has it', `await list; return;`, 'continue'],
  ['ends long after the others', `await list; await sleep(200); return;`, 'continue'],
  ['ends without it', `await Promise.race([list, sleep(1)]); return;`, 'continue'],
  ['fails when it has it', `await list; throw new Error('x');`, 'tempfail'],
  ['fails without it', `await sleep(1); throw new Error('x');`, 'tempfail'],
] as const;

describe.each([2, 50])(
  'a promise that %d handlers share wakes all of them when the first',
  (count) => {
    test.each(FIRSTS)('%s', async (_, code, verdict) => {
      await start(code);
      const first = helo(under!.open(), 'first');
      await store.asked;
      const rest = others(count);
      const isWithout = !code.startsWith('await list');
      if (isWithout) expect((await first).verdict.kind).toBe(verdict);
      store.release();
      await expectAll(rest);
      expect((await first).verdict.kind).toBe(verdict);
    });

    test('is given up for its wall limit', async () => {
      await start('await list;', '2s');
      const first = helo(under!.open(), 'first');
      await store.asked;
      // Half way: what comes later has time left when the first has none.
      for (let n = 0; n < 10; n += 1) await under!.open().call({ phase: 'mail' });
      const rest = others(count);
      expect((await first).verdict.kind).toBe('tempfail');
      store.release();
      await expectAll(rest);
    });

    test('loses its client', async () => {
      await start('await list;');
      const session = under!.open();
      const first = helo(session, 'first');
      await store.asked;
      const rest = others(count);
      session.cancel();
      await first;
      store.release();
      await expectAll(rest);
    });

    test('has as many calls open as it may, and each handler counts its own', async () => {
      await start(
        `await list; await Promise.all([sleep(50), sleep(50), sleep(50)]); return;`,
        '60s',
        {
          calls: 3,
        },
      );
      const first = helo(under!.open(), 'first');
      await store.asked;
      const rest = others(count);
      store.release();
      await expectAll(rest);
      expect((await first).verdict.kind).toBe('continue');
      // Nothing of it is left in the account of later handlers.
      await expectAll(others(count, 'later'));
    });
  },
);

test('a promise that was left behind by the only handler is there for the next that awaits it', async () => {
  await start('await Promise.race([list, sleep(1)]); return;');
  await helo(under!.open(), 'first');
  store.release();
  // The answer has come when another one, asked for later, has.
  await under!.open().call({ phase: 'mail' });
  await expectAll(others(2));
});

test('what a handler leaves behind does not go on while nothing else runs, nor while others wait for their own', async () => {
  await start(`list.then(() => log.info('went on')); return;`);
  await helo(under!.open(), 'first');
  store.release();
  const session = under!.open();
  await session.call({ phase: 'mail' });
  await Promise.all([session.call({ phase: 'mail' }), under!.open().call({ phase: 'mail' })]);
  expect(under!.said).toEqual([]);
});

test('thousands of promises left behind cost the later handlers nothing', async () => {
  under = await EngineUnderTest.start(
    [
      {
        name: 'careless',
        source: `import { kv } from 'postern';
          export const options = { cpu: '1s', memory: '16MB' };
          export async function helo() { for (let n = 0; n < 5; n += 1) kv.get('big'); }
          export async function mail() { for (let n = 0; n < 5; n += 1) await kv.get('x'); }`,
      },
    ],
    { calls: 5 },
  );
  await under.store.set('careless/big', Buffer.from(JSON.stringify('x'.repeat(100_000))));
  const session = under.open();
  for (let n = 0; n < 200; n += 1) {
    expect((await helo(session, `${n}`)).verdict.kind).toBe('continue');
    expect((await session.call({ phase: 'mail' })).verdict.kind).toBe('continue');
  }
  expect(under.logged).toEqual([]);
});
