import { EngineUnderTest } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

const WAITS = `import { kv, log, sleep } from 'postern';
  // Not about CPU time: a busy machine must not fail it.
  export const options = { cpu: '500ms', wall: '10s' };
  export async function helo(session) {
    session.state.calls = (session.state.calls ?? 0) + 1;
    if (session.helo === 'waits') { log.info('waiting'); await sleep(60_000); }
    return undefined;
  }
  export function mail(session) { log.info(JSON.stringify([session.id, session.client.address, session.helo, session.state, session.message.sender.address])); }`;

function serving(engine: EngineUnderTest): number {
  return engine.engine.runners[0]!.pid!;
}

describe('a runner that is killed', () => {
  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    'by %s fails only the handlers that it was in; sessions go on elsewhere',
    async (signal) => {
      under = await EngineUnderTest.start([{ name: 'waits', source: WAITS }]);
      const busy = under.open();
      busy.learn({ f: 'helo', name: 'waits' });
      const idle = under.open();
      idle.learn({ f: 'helo', name: 'first' });
      await idle.call({ phase: 'helo' });
      const waiting = busy.call({ phase: 'helo' });
      await under.logs(({ text }) => text === 'waiting');
      const killed = serving(under);
      process.kill(killed, signal);
      // A stopped process is noticed when it is asked for something.
      idle.learn({ f: 'mail', address: '<a@example.org>', args: [] });
      const repeated = idle.call({ phase: 'mail' });
      expect(await waiting).toMatchObject({ verdict: { kind: 'tempfail' }, filter: 'waits' });
      expect((await repeated).verdict.kind).toBe('continue');
      expect(under.said.at(-1)).toBe(
        `["${idle.id}","192.0.2.7","first",{"calls":1},"a@example.org"]`,
      );
      expect(serving(under)).not.toBe(killed);
      busy.learn({ f: 'helo', name: 'again' });
      expect((await busy.call({ phase: 'helo' })).verdict.kind).toBe('continue');
    },
  );

  test('again and again is replaced again and again', async () => {
    under = await EngineUnderTest.start([{ name: 'waits', source: WAITS }]);
    const session = under.open();
    for (let round = 0; round < 4; round += 1) {
      process.kill(serving(under), 'SIGKILL');
      session.learn({ f: 'helo', name: `round ${round}` });
      // Whether the call is repeated or waits for a runner: it is answered.
      expect((await session.call({ phase: 'helo' })).verdict.kind).toBe('continue');
    }
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    await session.call({ phase: 'mail' });
    expect(under.said.at(-1)).toContain('{"calls":4}');
  });

  test('in the middle of a chain does not repeat the filters that had ended', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'first',
        source: `import { kv } from 'postern'; export async function eom(s, m) { m.headers.add('X-Count', String(await kv.incr('runs'))); }`,
      },
      {
        name: 'second',
        source: `import { log, sleep } from 'postern'; export const options = { onError: 'continue' }; export async function eom() { log.info('waiting'); await sleep(60_000); }`,
      },
      {
        name: 'third',
        source: `import { log } from 'postern'; export function eom(s, m) { log.info('third sees ' + m.headers.get('X-Count')); }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    const end = session.call({ phase: 'eom', size: 1 });
    await under.logs(({ text }) => text === 'waiting');
    process.kill(serving(under), 'SIGKILL');
    expect((await end).modifications).toHaveLength(1);
    expect(under.said.at(-1)).toBe('third sees 1');
    expect(await under.store.get('first/runs')).toEqual(Buffer.from('1'));
  });

  test('because it uses too much memory is named in the log', async () => {
    under = await EngineUnderTest.start(
      [
        {
          name: 'grows',
          source: `import { sleep } from 'postern'; const all = []; export const options = { cpu: '1s', memory: '1GB', wall: '20s' }; export async function helo() { for (;;) { all.push(new ArrayBuffer(4 * 1024 ** 2)); new Uint8Array(all.at(-1)).fill(1); await sleep(1); } }`,
        },
      ],
      { runnerMemoryBytes: 200 * 1024 ** 2 },
    );
    expect((await under.open().call({ phase: 'helo' })).verdict.kind).toBe('tempfail');
    expect(
      under.logged.some(({ text }) =>
        /runner died: it was killed because it used \d+ MB of memory, more than limits.runnerMemory/.test(
          text,
        ),
      ),
    ).toBe(true);
  });
});

describe('a client that vanishes', () => {
  test('ends what its filters were doing; nothing of it is heard later', async () => {
    under = await EngineUnderTest.start([{ name: 'waits', source: WAITS }]);
    const session = under.open();
    session.learn({ f: 'helo', name: 'waits' });
    const waiting = session.call({ phase: 'helo' });
    await under.logs(({ text }) => text === 'waiting');
    session.cancel();
    expect((await waiting).verdict.kind).toBe('continue');
    session.close();
    const next = under.open();
    next.learn({ f: 'helo', name: 'next' });
    expect((await next.call({ phase: 'helo' })).verdict.kind).toBe('continue');
    expect(under.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
