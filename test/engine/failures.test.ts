import { EngineUnderTest, type FilterSource } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

/** What a filter may do instead of answering, by what the client says in HELO. */
const HARMFUL: Readonly<Record<string, string>> = {
  'throws an error': `throw new Error('boom');`,
  'throws a text': `throw 'boom';`,
  'rejects after an await': `await sleep(1); throw new Error('boom');`,
  'loops for ever': `for (;;);`,
  'loops after an await': `await sleep(1); for (;;);`,
  'loops in a microtask': `Promise.resolve().then(() => { for (;;); }); await sleep(1000);`,
  'loops in the getter of what it throws': `throw { get message() { for (;;); }, toString() { for (;;); } };`,
  'loops in toString of what it throws': `class Evil extends Error { get stack() { for (;;); } } throw new Evil();`,
  'loops in the stack of a rejection that nobody handles': `class Evil extends Error { get stack() { for (;;); } get message() { for (;;); } } Promise.reject(new Evil()); await sleep(1000);`,
  'never settles': `await new Promise(() => {});`,
  'returns a thenable that never settles': `return { then() {} };`,
  'returns what is no verdict': `return 'reject';`,
  'returns an object that looks like a verdict': `return { kind: 'reject' };`,
  'returns a verdict of another phase': `return skip();`,
  'fills its memory with arrays': `const all = []; for (;;) all.push(new Array(1000).fill(all.length));`,
  'fills its memory with a map': `const all = new Map(); for (let i = 0; ; i += 1) all.set(i, { i });`,
  'makes V8 abort': `'a'.repeat(2 ** 28).split('');`,
  'matches a catastrophic regular expression': `/(a+)+$/.test('a'.repeat(40) + 'b');`,
};

function harmful(onError: string): FilterSource {
  const cases = Object.entries(HARMFUL).map(
    ([name, code]) => `case ${JSON.stringify(name)}: { ${code} break; }`,
  );
  return {
    name: 'harmful',
    source: `import { skip, sleep } from 'postern';
      export const options = { onError: '${onError}', wall: '300ms', memory: '32MB' };
      export async function helo(session) { switch (session.helo) { ${cases.join('\n')} } }`,
  };
}

const polite: FilterSource = {
  name: 'polite',
  // Not about CPU time: a busy machine must not fail it.
  source: `import { reject } from 'postern'; export const options = { cpu: '500ms' }; export function mail(s) { s.state.n = (s.state.n ?? 0) + 1; if (s.state.n === 3) return reject('5.0.0 third'); }`,
};

describe('a filter that', () => {
  test.each(Object.keys(HARMFUL))('%s gets its onError, and nobody else notices', async (name) => {
    under = await EngineUnderTest.start([harmful('tempfail'), polite]);
    const other = under.open();
    await other.call({ phase: 'mail' });
    const session = under.open();
    session.learn({ f: 'helo', name });
    const [outcome, beside] = await Promise.all([
      session.call({ phase: 'helo' }),
      other.call({ phase: 'mail' }),
    ]);
    expect(outcome).toMatchObject({ verdict: { kind: 'tempfail' }, filter: 'harmful' });
    expect(beside.verdict.kind).toBe('continue');
    expect(
      under.logged.filter(
        ({ fields, level }) => level === 'error' && fields.answered === 'tempfail',
      ),
    ).toHaveLength(1);
    // The session goes on, and so does the other one, with the state that it had.
    session.learn({ f: 'helo', name: 'harmless' });
    expect((await session.call({ phase: 'helo' })).verdict.kind).toBe('continue');
    expect((await other.call({ phase: 'mail' })).verdict.kind).toBe('reject');
  });

  test.each(['accept', 'reject', 'continue'] as const)(
    'fails gets its onError, %s',
    async (onError) => {
      under = await EngineUnderTest.start([
        harmful(onError),
        { name: 'later', source: 'export function eom() {}' },
      ]);
      const session = under.open();
      session.learn({ f: 'helo', name: 'throws an error' });
      const expected = onError === 'accept' ? 'continue' : onError;
      expect((await session.call({ phase: 'helo' })).verdict.kind).toBe(expected);
      // A filter that failed and accepts is not asked again; one that continues is.
      expect(session.handles('helo')).toBe(onError !== 'accept');
    },
  );

  test('throws is named with the file and line of its source', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'broken',
        source: `import type { Session } from 'postern';\n\nexport function helo(session: Session) {\n  const user: string = session.auth!.user!;\n  return user;\n}\n`,
      },
    ]);
    await under.open().call({ phase: 'helo' });
    const { fields, text } = under.logged.at(-1)!;
    expect(text).toMatch(
      /^filter broken failed in helo: TypeError: Cannot read properties of undefined/,
    );
    expect(fields.at).toMatch(/broken\.ts:4:/);
    expect(fields.stack).not.toContain('postern:guest');
  });

  test('returns a misplaced verdict is named with the line that made it', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'odd',
        source: `import { discard } from 'postern';\nexport function connect() {\n  return discard();\n}\n`,
      },
    ]);
    expect((await under.open().call({ phase: 'connect' })).verdict.kind).toBe('tempfail');
    expect(under.logged.at(-1)?.fields.at).toMatch(/odd\.ts:3:/);
    expect(under.logged.at(-1)?.text).toContain('discard() makes no sense in connect');
  });

  test('leaves a rejection that nobody handles goes on, and its line is logged', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'careless',
        source: `import { reject } from 'postern';\nexport function helo() {\n  Promise.reject(new Error('forgotten'));\n  return reject('5.7.1 Still heard');\n}\n`,
      },
    ]);
    expect((await under.open().call({ phase: 'helo' })).verdict.kind).toBe('reject');
    const line = await under.logs(({ text }) => text.includes('nobody handled'));
    expect(line.fields.at).toMatch(/careless\.ts:3:/);
  });

  test.each([
    [`message.headers.add('X', 'a\\0b');`, 'has a NUL'],
    [`message.headers.add('X', 'a\\rb');`, 'has a carriage return'],
    [`message.headers.add('X', 'a\\nY: b');`, 'must be followed by a space or a tab'],
    [`message.headers.add('X Y', 'a');`, 'header name "X Y"'],
    [`message.headers.add('', 'a');`, 'header name ""'],
    [`message.addRecipient('a@b>\\r\\nDATA');`, 'has a character that no address has'],
    [`message.setSender('a@example.org', { 'X Y': '1' });`, 'ESMTP parameter'],
    [`message.quarantine('');`, 'expected a reason'],
  ])('asks for the impossible, %s, is told so and nothing is sent', async (code, why) => {
    under = await EngineUnderTest.start([
      {
        name: 'asks',
        source: `export function eom(session, message) {\n  message.headers.add('X-Fine', 'yes');\n  ${code}\n}`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    expect(await session.call({ phase: 'eom', size: 1 })).toMatchObject({
      verdict: { kind: 'tempfail' },
      modifications: [],
    });
    expect(under.logged.at(-1)?.text).toContain(why);
    expect(under.logged.at(-1)?.fields.at).toMatch(/asks\.ts:3:/);
  });

  test('changes a message more often than limits.modifications fails, and nothing is sent', async () => {
    const source = `export function eom(session, message) { for (let n = 0; n <= 1000; n += 1) message.headers.add('X', 'y'); }`;
    under = await EngineUnderTest.start([{ name: 'eager', source }]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    expect(await session.call({ phase: 'eom', size: 1 })).toMatchObject({
      verdict: { kind: 'tempfail' },
      modifications: [],
    });
    expect(under.logged.at(-1)?.text).toContain('more than limits.modifications of 1000');
  });

  test('changes a message before its end is told that it cannot', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'hasty',
        source: `export function mail(session) { session.message.headers.add('X', 'y'); }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    expect((await session.call({ phase: 'mail' })).verdict.kind).toBe('tempfail');
    expect(under.logged.at(-1)?.text).toContain(
      'a message can be changed in eom only, this is mail',
    );
  });

  test.each([
    [`throw new Error('at load');`, /bad\.ts:1:7: Error: at load/],
    [`export const options = { onEror: 'accept' };`, /options\.onEror: .*onError/],
    [`export function init() { throw new Error('no'); }`, /bad\.ts:1:32: init failed: Error: no/],
    [`for (;;);`, /bad\.ts:1:1: took longer than limits\.load of 300 ms to load/],
  ])('does not load, %s, keeps the engine from starting', async (source, why) => {
    await expect(EngineUnderTest.start([{ name: 'bad', source }], { loadMs: 300 })).rejects.toThrow(
      why,
    );
  });
});
