import { EngineUnderTest } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

const filter = (name: string, body: string) => ({
  name,
  source: `import { kv, log, metrics, sleep } from 'postern';
    export const options = { cpu: '500ms' };
    export async function helo(session) { ${body} }`,
});

describe('a filter that logs without end', () => {
  test('has its first lines of each second written, and is told of', async () => {
    under = await EngineUnderTest.start(
      [
        filter('floods', 'for (let n = 0; n < 5000; n++) log.info("line " + n);'),
        filter('calm', "log.info('calm');"),
      ],
      { logLines: 20 },
    );
    await under.open().call({ phase: 'helo' });
    const lines = under.said.filter((text) => text.startsWith('line '));
    expect(lines).toEqual(Array.from({ length: 20 }, (_, n) => `line ${n}`));
    expect(under.said).toContain('calm');
    const told = await under.logs(({ text }) => text.includes('limits.logLines'));
    // What went beyond ten times the limit did not even leave the isolate.
    expect(told).toMatchObject({
      level: 'warn',
      text: 'filter floods logs more than limits.logLines of 20 a second: 180 lines or more are left out',
      fields: { filter: 'floods', leftOut: 180 },
    });
  });

  test('may go on in the next second', async () => {
    under = await EngineUnderTest.start(
      [
        filter(
          'floods',
          'for (let n = 0; n < 30; n++) log.info("first " + n); await sleep(1100); log.info("later");',
        ),
      ],
      { logLines: 20 },
    );
    await under.open().call({ phase: 'helo' });
    expect(under.said).toContain('later');
  });
});

describe('a handler that asks for too much at once', () => {
  test('is refused what is more than limits.calls, and may go on when answers have come', async () => {
    under = await EngineUnderTest.start(
      [
        filter(
          'greedy',
          `const results = await Promise.allSettled(Array.from({ length: 60 }, (_, n) => kv.incr('n')));
          const refused = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.code);
          log.info(JSON.stringify([refused.length, [...new Set(refused)], await kv.get('n')]));
          try { await Promise.all(Array.from({ length: 60 }, () => sleep(0))); } catch (error) { log.info(error.message); }`,
        ),
      ],
      { calls: 50 },
    );
    const { verdict } = await under.open().call({ phase: 'helo' });
    expect(verdict).toEqual({ kind: 'continue' });
    expect(under.said).toEqual([
      '[10,["ERR_CALLS"],50]',
      'sleep: this handler waits for 50 answers already, which is limits.calls; await some of them first',
    ]);
  });

  test('costs itself and nobody else when it never stops asking', async () => {
    under = await EngineUnderTest.start([
      filter('endless', "for (;;) kv.incr('n').catch(() => {});"),
      {
        name: 'calm',
        source: "import { log } from 'postern'; export function helo() { log.info('calm'); }",
      },
    ]);
    const { verdict } = await under.open().call({ phase: 'helo' });
    expect(verdict).toMatchObject({ kind: 'tempfail' });
    expect(under.logged.find(({ fields }) => fields.why === 'cpu')).toBeDefined();
  });
});

describe('metrics.count', () => {
  test('counts with labels', async () => {
    under = await EngineUnderTest.start([
      filter(
        'counts',
        "await metrics.count('seen'); metrics.count('seen', 4); await metrics.count('by_kind', 1, { kind: 'spam', n: 5 });",
      ),
    ]);
    await under.open().call({ phase: 'helo' });
    expect(under.counted).toEqual([
      ['counts', 'seen', 1, {}],
      ['counts', 'seen', 4, {}],
      ['counts', 'by_kind', 1, { kind: 'spam', n: '5' }],
    ]);
  });

  test.each([
    "await metrics.count('a b')",
    "await metrics.count('a', -1)",
    "await metrics.count('a', NaN)",
    "await metrics.count('a', 1, { 'x-y': '1' })",
  ])('%s is refused', async (code) => {
    under = await EngineUnderTest.start([
      filter('counts', `try { ${code} } catch (error) { log.info(error.code); }`),
    ]);
    await under.open().call({ phase: 'helo' });
    expect(under.said).toEqual(['ERR_ARGUMENT']);
    expect(under.counted).toEqual([]);
  });
});
