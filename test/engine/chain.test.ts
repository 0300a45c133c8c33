import { EngineUnderTest } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

const rcpt = (address: string) => ({ phase: 'rcpt', address: `<${address}>`, args: [] }) as const;

describe('several filters', () => {
  test('run in order, and the first refusal ends the chain', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'first',
        source: `import { log } from 'postern'; export function helo() { log.info('first'); }`,
      },
      {
        name: 'second',
        source: `import { log, reject } from 'postern'; export function helo() { log.info('second'); return reject('5.7.1 No'); }`,
      },
      {
        name: 'third',
        source: `import { log } from 'postern'; export function helo() { log.info('third'); }`,
      },
    ]);
    const outcome = await under.open().call({ phase: 'helo' });
    expect(outcome).toEqual({
      verdict: { kind: 'reject', reply: { code: 550, enhanced: '5.7.1', lines: ['No'] } },
      delayMs: 0,
      filter: 'second',
      modifications: [],
      modifiedBy: [],
    });
    expect(under.said).toEqual(['first', 'second']);
  });

  test('see what earlier ones changed in the message', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'changes',
        source: `export function eom(session, message) {
          message.headers.add('X-Added', 'one');
          message.headers.change('Subject', 'changed');
          message.headers.delete('X-Gone');
          message.setSender('new@example.org', { RET: 'HDRS' });
          message.deleteRecipient('b@example.com');
          message.addRecipient('c@example.com');
          message.replaceBody('new body\\n');
        }`,
      },
      {
        name: 'looks',
        source: `import { log } from 'postern';
        export async function eom(session, message) {
          log.info([...message.headers].map(({ name, text }) => name + '=' + text).join('|'));
          log.info(JSON.stringify(message.sender) + JSON.stringify(message.recipients.map(({ address }) => address)));
          log.info(new TextDecoder().decode(await message.body()));
        }`,
      },
    ]);
    const session = under.open({ body: () => Buffer.from('old body') });
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    session.learn({ f: 'recipient', address: '<b@example.com>', args: [] });
    session.learn({ f: 'headers', block: 'Subject\0 hello\0X-Gone\0 x\0', decoded: {} });
    const outcome = await session.call({ phase: 'eom', size: 30 });
    expect(outcome.modifications.map(({ kind }) => kind)).toEqual([
      'addHeader',
      'changeHeader',
      'deleteHeader',
      'setSender',
      'deleteRecipient',
      'addRecipient',
      'replaceBody',
    ]);
    expect(under.said).toEqual([
      'Subject=changed|X-Added=one',
      '{"address":"new@example.org","args":{"RET":"HDRS"}}["c@example.com"]',
      'new body\r\n',
    ]);
  });

  test('may delete recipients in a loop over them', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'deletes',
        source: `import { log } from 'postern';
        export function eom(session, message) {
          for (const { address } of message.recipients) message.deleteRecipient(address);
          log.info(String(message.recipients.length));
        }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    for (const name of ['one', 'two', 'three']) {
      session.learn({ f: 'recipient', address: `<${name}@example.com>`, args: [] });
    }
    const { modifications } = await session.call({ phase: 'eom', size: 30 });
    expect(modifications).toHaveLength(3);
    expect(under.said).toEqual(['0']);
  });

  test('that accept hear no more of the message, the others do', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'satisfied',
        source: `import { accept, log } from 'postern'; export function mail() { return accept(); } export function rcpt() { log.info('never'); }`,
      },
      {
        name: 'curious',
        source: `import { log } from 'postern'; export function rcpt(s, r) { log.info(r.address); }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    expect((await session.call({ phase: 'mail' })).verdict.kind).toBe('continue');
    await session.call(rcpt('b@example.com'));
    expect(under.said).toEqual(['b@example.com']);
    session.endMessage();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    expect(session.handles('rcpt')).toBe(true);
  });

  test('that accept the connection still hear of its end', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'counting',
        source: `import { accept, log } from 'postern';
          export function connect() { return accept(); }
          export function close() { log.info('closed'); }`,
      },
    ]);
    const session = under.open();
    expect((await session.call({ phase: 'connect' })).verdict.kind).toBe('accept');
    expect(session.handles('close')).toBe(true);
    await session.call({ phase: 'close' });
    expect(under.said).toEqual(['closed']);
  });

  test('that are all satisfied let the MTA know', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'one',
        source: `import { accept } from 'postern'; export function helo() { return accept(); } export function eom() {}`,
      },
      { name: 'two', source: `export function connect() {}` },
    ]);
    expect((await under.open().call({ phase: 'helo' })).verdict.kind).toBe('accept');
  });

  test('are all satisfied when one accepts for all', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'boss',
        source: `import { accept } from 'postern'; export function mail() { return accept({ all: true }); }`,
      },
      {
        name: 'worker',
        source: `import { log } from 'postern'; export function mail() { log.info('never'); } export function rcpt() { log.info('never'); }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    expect((await session.call({ phase: 'mail' })).verdict).toEqual({ kind: 'accept', all: true });
    await session.call(rcpt('b@example.com'));
    expect(under.said).toEqual([]);
  });

  test('that only observe change nothing, and say so in the log', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'observer',
        source: `import { reject } from 'postern'; export function helo() { return reject(); } export function eom(s, m) { m.headers.add('X', 'y'); }`,
        overrides: { mode: 'observe' },
      },
    ]);
    const session = under.open();
    expect((await session.call({ phase: 'helo' })).verdict.kind).toBe('continue');
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    expect((await session.call({ phase: 'eom', size: 1 })).modifications).toEqual([]);
    expect(
      under.logged
        .filter(({ fields }) => fields.observed === true)
        .map(({ fields }) => fields.phase),
    ).toEqual(['helo', 'eom']);
  });

  test('add their delays', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'slow',
        source: `import { delay } from 'postern'; export function helo() { return delay(2); }`,
      },
      {
        name: 'slower',
        source: `import { delay, reject } from 'postern'; export function helo() { return delay(3, reject()); }`,
      },
    ]);
    expect(await under.open().call({ phase: 'helo' })).toMatchObject({
      delayMs: 5000,
      verdict: { kind: 'reject' },
    });
  });

  test('cannot delay for longer than the configuration allows', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'slow',
        source: `import { delay } from 'postern'; export function helo() { return delay(3600); }`,
      },
    ]);
    expect((await under.open().call({ phase: 'helo' })).delayMs).toBe(25_000);
  });
});

describe('the content of a message', () => {
  const source = `import { discard, log, reject } from 'postern';
    export function header(session, header) { log.info('header ' + header.name + '=' + header.value); if (header.name === 'X-Bad') return reject('5.7.1 Bad header'); }
    export function eoh(session) { log.info('eoh ' + session.message.headers.get('subject')); }
    export function body(session, chunk) { log.info('body ' + chunk.length); if (chunk[0] === 33) return discard(); }
    export function eom() { log.info('eom'); }`;

  async function play(block: string, headers: number, chunks: Buffer[]) {
    under = await EngineUnderTest.start([{ name: 'content', source }]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    session.learn({ f: 'headers', block, decoded: { 0: 'grüße' } });
    const [header, , body, eom] = await Promise.all([
      session.call({ phase: 'header', from: 0, to: headers }),
      session.call({ phase: 'eoh' }),
      session.call({ phase: 'body', chunks }),
      session.call({ phase: 'eom', size: 1 }),
    ]);
    return { header, body, eom, said: under.said };
  }

  test('goes through its phases in order, though nobody waits in between', async () => {
    const { said } = await play('Subject\0 =?utf-8?q?gr=C3=BC=C3=9Fe?=\0X\0 \xfc\0', 2, [
      Buffer.from('abc'),
      Buffer.from('d'),
    ]);
    expect(said).toEqual([
      'header Subject==?utf-8?q?gr=C3=BC=C3=9Fe?=',
      'header X=ü',
      'eoh grüße',
      'body 3',
      'body 1',
      'eom',
    ]);
  });

  test('is not looked at any more after a verdict', async () => {
    const { header, eom, said } = await play('Subject\0 x\0X-Bad\0 1\0X-Late\0 2\0', 3, [
      Buffer.from('abc'),
    ]);
    expect(header.verdict).toMatchObject({ kind: 'reject' });
    expect(eom.verdict.kind).toBe('continue');
    expect(said).toEqual(['header Subject=x', 'header X-Bad=1']);
  });

  test('that was decided and then given up is followed by abort', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'hears',
        source: `import { log, reject } from 'postern';
          export function eoh() { return reject(); }
          export function eom() { log.info('never'); }
          export function abort() { log.info('abort'); }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    await session.call({ phase: 'eoh' });
    await session.call({ phase: 'eom', size: 1 });
    await session.call({ phase: 'abort' });
    expect(under.said).toEqual(['abort']);
  });

  test('that was given up says nothing about the next message', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'content',
        source: `import { reject, tempfail } from 'postern';
          export function header(session) { session.message.state.seen = true; return reject(); }
          export function rcpt(session) { return session.message.state.seen ? undefined : tempfail(); }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<first@example.org>', args: [] });
    session.learn({ f: 'headers', block: 'Subject\0 hello\0', decoded: {} });
    const late = session.call({ phase: 'header', from: 0, to: 1 });
    session.endMessage();
    session.learn({ f: 'mail', address: '<second@example.org>', args: [] });
    expect((await late).verdict.kind).toBe('reject');
    expect((await session.call(rcpt('b@example.com'))).verdict.kind).toBe('tempfail');
    // Nor is anything left of its state, for a runner that takes over.
    for (const { pid } of under.engine.runners) process.kill(pid!, 'SIGKILL');
    expect((await session.call(rcpt('c@example.com'))).verdict.kind).toBe('tempfail');
  });

  test('can be decided by a chunk of the body', async () => {
    const { body, said } = await play('Subject\0 x\0', 1, [
      Buffer.from('a'),
      Buffer.from('!'),
      Buffer.from('b'),
    ]);
    expect(body.verdict.kind).toBe('discard');
    expect(said.slice(2)).toEqual(['body 1', 'body 1']);
  });
});

describe('state', () => {
  const source = `import { log } from 'postern';
    export function mail(session) {
      session.state.messages = (session.state.messages ?? 0) + 1;
      log.info(JSON.stringify([session.state, session.message.state]));
      session.message.state.own = session.state.messages;
    }
    export function rcpt(session) { log.info(JSON.stringify([session.state, session.message.state])); }`;

  test('of the session outlives its messages, that of a message does not', async () => {
    under = await EngineUnderTest.start([{ name: 'keeps', source }]);
    const session = under.open();
    for (let count = 0; count < 2; count += 1) {
      session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
      await session.call({ phase: 'mail' });
      await session.call(rcpt('b@example.com'));
      session.endMessage();
    }
    expect(under.said).toEqual([
      '[{"messages":1},{}]',
      '[{"messages":1},{"own":1}]',
      '[{"messages":2},{}]',
      '[{"messages":2},{"own":2}]',
    ]);
  });

  test('is each filter’s own, and each session’s', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'one',
        source: `export function helo(s) { s.state.secret = 1; globalThis.shared = 1; }`,
      },
      {
        name: 'two',
        source: `import { log } from 'postern'; export function helo(s) { log.info(JSON.stringify(s.state) + typeof globalThis.shared); }`,
      },
    ]);
    await under.open().call({ phase: 'helo' });
    await under.open().call({ phase: 'helo' });
    expect(under.said).toEqual(['{}undefined', '{}undefined']);
  });

  test('that is longer than limits.state fails the handler, and the earlier one is kept', async () => {
    under = await EngineUnderTest.start(
      [
        {
          name: 'hoards',
          source: `import { log } from 'postern';
          export function helo(s) { s.state.all = 'x'.repeat(s.helo.length); }
          export function unknown(s, command) { log.info('kept ' + s.state.all.length); if (command === 'LOOP') for (;;); }`,
        },
      ],
      { stateBytes: 100 },
    );
    const session = under.open();
    session.learn({ f: 'helo', name: 'x'.repeat(10) });
    await session.call({ phase: 'helo' });
    session.learn({ f: 'helo', name: 'x'.repeat(200) });
    expect((await session.call({ phase: 'helo' })).verdict.kind).toBe('tempfail');
    expect(under.logged.at(-1)?.text).toContain('more than limits.state of 100');
    // What the isolate had is lost with it; what was kept comes back.
    await session.call({ phase: 'unknown', command: 'LOOP' });
    await session.call({ phase: 'unknown', command: 'SAY' });
    expect(under.said.at(-1)).toBe('kept 10');
  });

  test('that is not JSON fails the handler that left it', async () => {
    under = await EngineUnderTest.start([
      { name: 'loops', source: `export function helo(s) { s.state.self = s.state; }` },
    ]);
    expect((await under.open().call({ phase: 'helo' })).verdict.kind).toBe('tempfail');
    expect(under.logged.at(-1)?.text).toContain('state must hold JSON values only');
  });
});

describe('capabilities', () => {
  test('kv keeps JSON and bytes, and numbers count', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'counts',
        source: `import { kv, log } from 'postern';
        export async function helo() {
          await kv.set('json', { a: [1, 'ü'] });
          await kv.set('bytes', new Uint8Array([0, 255, 1]));
          const [added, again] = [await kv.add('once', 1), await kv.add('once', 2)];
          const counted = await Promise.all([kv.incr('n'), kv.incr('n', 5), kv.incr('n', -1)]);
          const bytes = await kv.get('bytes');
          log.info(JSON.stringify([await kv.get('json'), bytes instanceof Uint8Array, [...bytes], added, again, counted, await kv.delete('once'), await kv.has('once'), await kv.get('none') === undefined]));
        }`,
      },
    ]);
    await under.open().call({ phase: 'helo' });
    expect(under.said).toEqual([
      '[{"a":[1,"ü"]},true,[0,255,1],true,false,[1,6,5],true,false,true]',
    ]);
    expect(await under.store.get('counts/n')).toEqual(Buffer.from('5'));
  });

  test('kv refuses what would not come back as it was', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'odd',
        source: `import { kv, log } from 'postern';
        export async function helo() {
          for (const value of [undefined, new Date(0), { a: [NaN] }, () => 1]) await kv.set('k', value).catch((error) => log.info(error.message));
        }`,
      },
    ]);
    await under.open().call({ phase: 'helo' });
    expect(under.said).toHaveLength(4);
    expect(under.said[2]).toMatch(/expected a JSON value or bytes, got NaN at /);
    expect(await under.store.get('odd/k')).toBeUndefined();
  });

  test('that fail reject with a code and the line that asked', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'wrong',
        source: `import { kv, log } from 'postern';
        export async function helo() {
          await kv.set('text', 'x');
          try { await kv.incr('text'); } catch (error) { log.info(error.code); throw error; }
        }`,
      },
    ]);
    expect((await under.open().call({ phase: 'helo' })).verdict.kind).toBe('tempfail');
    expect(under.said).toEqual(['ERR_KV_NOT_A_NUMBER']);
    expect(under.logged.at(-1)?.fields.at).toMatch(/wrong\.ts:4:/);
  });

  test('log keeps the beginning of fields that are too long for a line', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'talks',
        source: `import { log } from 'postern'; export function helo() { log.info('x', { all: 'y'.repeat(9000) }); }`,
      },
    ]);
    await under.open().call({ phase: 'helo' });
    expect(String(under.logged.at(-1)?.fields.fields)).toMatch(/^\{"all":"y{1000,4090} \.\.\.$/);
  });

  test('init runs before the first session, exit when the runner ends', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'prepares',
        source: `import { kv, log, settings } from 'postern'; export async function init() { await kv.set('ready', settings.word); } export async function exit() { log.info('bye ' + await kv.get('ready')); } `,
        settings: { word: 'yes' },
      },
    ]);
    expect(await under.store.get('prepares/ready')).toEqual(Buffer.from('"yes"'));
    await under.engine.close();
    expect(under.said).toContain('bye yes');
  });
});
