import type { EngineSession, Outcome } from '../../src/engine/contract.ts';
import { EngineUnderTest, type FilterSource } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

function helo(session: EngineSession): Promise<Outcome> {
  session.learn({ f: 'helo', name: 'mx.example.org' });
  return session.call({ phase: 'helo' });
}

function eom(session: EngineSession): Promise<Outcome> {
  session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
  session.learn({ f: 'headers', block: 'Subject\0 x\0', decoded: {} });
  return session.call({ phase: 'eom', size: 10 });
}

/** A filter whose outbox says `items` (an expression; `event` is the handler's) where it says that it is done. */
function says(items: string, onError: string): FilterSource {
  return {
    name: 'evil',
    source: `const stringify = JSON.stringify;
      JSON.stringify = (value, ...rest) => {
        if (!Array.isArray(value) || value[0]?.[0] !== 'done') return stringify(value, ...rest);
        const event = value[0][1];
        const said = ${items};
        return typeof said === 'string' ? said : stringify(said);
      };
      export const options = { onError: '${onError}' };
      export function helo(session) { session.state.n = 1; }
      export function eom(session, message) { message.headers.add('X-A', 'b'); }`,
  };
}

const strict: FilterSource = {
  name: 'strict',
  source: `import { kv, reject } from 'postern';
    export async function helo() { await kv.get('x'); return reject('5.7.1 not here'); }
    export async function eom(session, message) { await kv.get('x'); return reject('5.7.1 virus ' + message.headers.get('X-A')); }`,
};

describe('a filter that breaks what the library stands on is not taken for one that has nothing to say', () => {
  test.each([
    ['JSON.stringify, which throws', `JSON.stringify = () => { throw new Error('broken'); };`],
    ['JSON.stringify, which throws nothing', `JSON.stringify = () => { throw undefined; };`],
    ['push, which throws', `Array.prototype.push = () => { throw new Error('broken'); };`],
    ['push, which forgets', `Array.prototype.push = () => 0;`],
    [
      'JSON.parse, when an answer comes',
      `JSON.parse = () => { throw new Error('broken'); }; await kv.get('x');`,
    ],
  ])('%s', async (_, code) => {
    under = await EngineUnderTest.start([
      {
        name: 'breaks',
        source: `import { kv, reject, sleep } from 'postern';
          export const options = { onError: 'tempfail', wall: '3s' };
          export ${code.includes('await') ? 'async ' : ''}function helo() { ${code} return reject('5.7.1 no'); }`,
      },
      strict,
    ]);
    const runner = under.engine.runners[0]!.pid;
    expect(await helo(under.open())).toMatchObject({
      verdict: { kind: 'tempfail' },
      filter: 'breaks',
    });
    const failures = under.logged.filter(({ fields }) => 'why' in fields);
    expect(failures.map(({ fields }) => fields.why)).toEqual(['output']);
    expect(under.logged.filter(({ text }) => text.includes('nobody handled'))).toEqual([]);
    expect(under.engine.runners[0]!.pid).toBe(runner);
  });

  test('Map, so that not even its failure can be said: its wall limit ends it', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'breaks',
        source: `import { kv, reject, sleep } from 'postern';
          export const options = { onError: 'tempfail', wall: '300ms' };
          export async function helo() {
            await kv.get('x');
            Map.prototype.get = () => { throw 'broken'; };
            await sleep(1);
            return reject('5.7.1 no');
          }`,
      },
      strict,
    ]);
    expect(await helo(under.open())).toMatchObject({
      verdict: { kind: 'tempfail' },
      filter: 'breaks',
    });
  });

  test('a rejection that nobody handles, of nothing at all, is still none of it', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'careless',
        source: `import { reject } from 'postern';
          export function helo() { Promise.reject(undefined); Promise.reject(null); return reject('5.7.1 heard'); }`,
      },
    ]);
    const runner = under.engine.runners[0]!.pid;
    expect((await helo(under.open())).verdict.kind).toBe('reject');
    expect(under.engine.runners[0]!.pid).toBe(runner);
  });
});

describe('what a filter falsely says it ended with does not keep the next filter from its verdict', () => {
  test.each([
    ['changes that are no list', `[['done', event, { kind: 'continue' }, 5, null, null]]`],
    ['changes of nothing', `[['done', event, { kind: 'continue' }, [null], null, null]]`],
    [
      'a change of no kind',
      `[['done', event, { kind: 'continue' }, [{ kind: 'toString' }], null, null]]`,
    ],
    [
      'a header without a value',
      `[['done', event, { kind: 'continue' }, [{ kind: 'addHeader', name: 'X-A' }], null, null]]`,
    ],
    [
      'a header whose value is null',
      `[['done', event, { kind: 'continue' }, [{ kind: 'addHeader', name: 'X-A', value: null }], null, null]]`,
    ],
    [
      'a header with too much',
      `[['done', event, { kind: 'continue' }, [{ kind: 'addHeader', name: 'X-A', value: { text: 'x', more: {} } }], null, null]]`,
    ],
    [
      'a place that is no number',
      `[['done', event, { kind: 'continue' }, [{ kind: 'insertHeader', index: '1', name: 'X-A', value: { text: 'x' } }], null, null]]`,
    ],
    [
      'an infinite place',
      `stringify([['done', event, { kind: 'continue' }, [{ kind: 'insertHeader', index: 9, name: 'X-A', value: { text: 'x' } }], null, null]]).replace('9', '1e999')`,
    ],
    ['a verdict that is none', `[['done', event, 5, null, null, null]]`],
    ['a verdict of no kind', `[['done', event, { kind: 'constructor' }, null, null, null]]`],
    ['a delay of nothing', `[['done', event, { kind: 'delay', ms: 1 }, null, null, null]]`],
    [
      'a refusal with half a reply',
      `[['done', event, { kind: 'reject', reply: { code: 550 } }, null, null, null]]`,
    ],
    [
      'a refusal of another class',
      `[['done', event, { kind: 'reject', reply: { code: 250, lines: ['ok'] } }, null, null, null]]`,
    ],
    [
      'a misplaced verdict that ends the chain',
      `[['done', event, { kind: 'delay', ms: 0, answer: { kind: 'skip' } }, null, null, null]]`,
    ],
    ['a state that is no text', `[['done', event, { kind: 'continue' }, null, 5, null]]`],
  ])('%s', async (_, items) => {
    under = await EngineUnderTest.start([says(items, 'continue'), strict]);
    const runner = under.engine.runners[0]!.pid;
    expect(await eom(under.open())).toMatchObject({
      verdict: { kind: 'reject', reply: { lines: ['virus undefined'] } },
      filter: 'strict',
    });
    const failures = under.logged.filter(({ fields }) => 'why' in fields);
    expect(failures.map(({ fields }) => [fields.filter, fields.why])).toEqual([['evil', 'output']]);
    expect(under.engine.runners[0]!.pid).toBe(runner);
  });

  test('changes before the end of a message', async () => {
    const items = `[['done', event, { kind: 'continue' }, [{ kind: 'quarantine', reason: 'x' }], null, null]]`;
    under = await EngineUnderTest.start([says(items, 'continue'), strict]);
    expect((await helo(under.open())).verdict.kind).toBe('reject');
    expect(under.logged.find(({ fields }) => 'why' in fields)?.fields.why).toBe('output');
  });
});

describe('an outbox with an item that is none fails its filter alone', () => {
  const DEEP = `'['.repeat(100000) + ']'.repeat(100000)`;

  test.each([
    ['null', `[null]`],
    ['a list of nothing', `[[]]`],
    ['no list at all', `'{"length":1}'`],
    ['no JSON', `'['`],
    ['an unknown kind', `[['toString', event]]`],
    ['an event that is a text', `[['log', String(event), 'info', 'x', null]]`],
    ['an infinite event', `'[["log",1e999,"info","x",null]]'`],
    ['a level that nobody knows', `[['log', event, 'constructor', 'x', null]]`],
    ['a text that is an object', `[['log', event, 'info', {}, null]]`],
    ['an operation that is a number', `[['call', 1, event, 5, []]]`],
    ['an operation of a megabyte', `[['call', 1, event, 'x'.repeat(1e6), []]]`],
    ['a call without a number', `[['call', null, event, 'kv.get', []]]`],
    ['arguments that are no list', `[['call', 1, event, 'kv.get', { length: 1 }]]`],
    ['arguments that are endlessly deep', `'[["call",1,' + event + ',"kv.get",' + ${DEEP} + ']]'`],
    ['a failure without a text', `[['fail', event, null, null]]`],
  ])('%s', async (_, items) => {
    under = await EngineUnderTest.start([
      says(items, 'tempfail'),
      {
        name: 'innocent',
        source: `import { sleep } from 'postern'; export const options = { wall: '60s' };
          export async function mail() { await sleep(200); }`,
      },
    ]);
    const runner = under.engine.runners[0]!.pid;
    const innocent = under.open().call({ phase: 'mail' });
    expect(await helo(under.open())).toMatchObject({
      verdict: { kind: 'tempfail' },
      filter: 'evil',
    });
    expect((await innocent).verdict.kind).toBe('continue');
    expect(under.engine.runners[0]!.pid).toBe(runner);
    const failures = under.logged.filter(({ fields }) => 'why' in fields);
    expect(failures.map(({ fields }) => [fields.filter, fields.why])).toEqual([['evil', 'output']]);
  });

  test.each([
    ['a megabyte', `['log', event, 'info', 'x'.repeat(1e6), { y: 'y'.repeat(1e6) }]`],
    ['fields that are endlessly deep', `'["log",' + event + ',"info","x",' + ${DEEP} + ']'`],
  ])('but a log line of %s is cut', async (_, line) => {
    const items = `'[' + (typeof (${line}) === 'string' ? (${line}) : stringify(${line})) + ',' + stringify(value[0]) + ']'`;
    under = await EngineUnderTest.start([says(items, 'tempfail')]);
    expect((await helo(under.open())).verdict.kind).toBe('continue');
    const { text, fields } = await under.logs(({ level }) => level === 'info');
    expect(text).toMatch(/^x+$/);
    expect(text.length).toBeLessThanOrEqual(8192);
    expect(JSON.stringify(fields.fields).length).toBeLessThan(9000);
  });
});
