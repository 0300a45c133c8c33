import type { EngineSession, Outcome } from '../../src/engine/contract.ts';
import { EngineUnderTest, type FilterSource } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

/** Not about time: a busy machine must not fail it. */
const PATIENT = `cpu: '1s', wall: '60s'`;

function helo(session: EngineSession, name: string): Promise<Outcome> {
  session.learn({ f: 'helo', name });
  return session.call({ phase: 'helo' });
}

/** A message as the MTA tells of it, with a mark in everything that it can say. */
function begin(session: EngineSession, mark: string): void {
  session.learn({
    f: 'macros',
    stage: 'mail',
    values: { i: `queue-${mark}`, auth_type: `auth-${mark}`, auth_authen: `user-${mark}` },
  });
  session.learn({
    f: 'mail',
    address: `<sender-${mark}@example.org>`,
    args: [`ENVID=envid-${mark}`],
  });
  session.learn({ f: 'macros', stage: 'rcpt', values: { rcpt_addr: `macro-${mark}` } });
  session.learn({
    f: 'recipient',
    address: `<recipient-${mark}@example.com>`,
    args: [`ORCPT=orcpt-${mark}`],
  });
  session.learn({ f: 'headers', block: `Subject\0 subject-${mark}\0X-${mark}\0 x\0`, decoded: {} });
}

/**
 * Marks what a message lets it mark, and in `unknown` tells all that it can find: own and inherited
 * properties, what getters and functions without arguments give, and what iterators yield.
 */
const WALKS = `import { accept, discard, log, reject } from 'postern';
  export const options = { ${PATIENT} };
  const NAMES = ['i', 'auth_type', 'auth_authen', 'rcpt_addr', 'client_addr', 'mail_addr'];
  async function walk(value, path, seen, found) {
    if (typeof value === 'bigint' || typeof value === 'symbol') value = String(value);
    if (value instanceof Promise) value = await value.catch((error) => 'throws ' + error.message);
    if (value instanceof Uint8Array) value = String.fromCharCode(...value);
    if (typeof value !== 'object' || value === null) { found[path] = value === undefined ? 'undefined' : value; return; }
    if (seen.has(value)) return;
    seen.add(value);
    if (path.endsWith('.headers')) found[path + '[]'] = [...value].map(({ name, text }) => name + text);
    for (let at = value; at !== null && at !== Object.prototype && at !== Array.prototype; at = Object.getPrototypeOf(at)) {
      for (const key of Reflect.ownKeys(at)) {
        if (key === 'constructor') continue;
        const place = path + '.' + String(key);
        const read = () => {
          const member = value[key];
          if (typeof member !== 'function') return member;
          if (key === 'macro') return NAMES.map((name) => member.call(value, name) ?? null);
          if (['get', 'getAll', 'has'].includes(key)) return member.call(value, 'subject');
          if (['body', 'raw', 'serialize', 'serializeCame', 'takeModifications'].includes(key)) return member.call(value);
          return 'a function';
        };
        try { await walk(read(), place, seen, found); } catch (error) { found[place] = 'throws ' + error.message; }
      }
    }
  }
  export async function unknown(session) {
    const found = {};
    await walk(session, 'session', new Set(), found);
    log.info(JSON.stringify(found));
  }
  function mark(session) { session.message.state.mark = 'state-' + session.message.queueId; }
  export function rcpt(session) { mark(session); if (session.helo === 'accept') return accept(); if (session.helo === 'loop') for (;;); }
  export function header(session) { if (session.helo === 'discard') return discard(); }
  export function eom(session, message) {
    mark(session);
    message.headers.add('X-Added', 'added-' + message.queueId);
    message.setSender('changed-' + message.queueId + '@example.org');
    message.addRecipient('added-' + message.queueId + '@example.org');
    message.replaceBody('replaced-' + message.queueId);
    if (session.helo === 'reject') return reject();
  }`;

const ENDS: Readonly<Record<string, (session: EngineSession) => unknown>> = {
  'was taken': (session) => session.call({ phase: 'eom', size: 11 }),
  'was refused': async (session) => {
    await helo(session, 'reject');
    begin(session, 'first');
    expect((await session.call({ phase: 'eom', size: 11 })).verdict.kind).toBe('reject');
  },
  'was discarded': async (session) => {
    await helo(session, 'discard');
    begin(session, 'first');
    expect((await session.call({ phase: 'header', from: 0, to: 2 })).verdict.kind).toBe('discard');
  },
  'was accepted': async (session) => {
    await helo(session, 'accept');
    begin(session, 'first');
    await session.call({ phase: 'rcpt', address: '<b@example.com>', args: [] });
    expect(session.handles('eom')).toBe(false);
  },
  'was given up by its client': (session) => session.call({ phase: 'abort' }),
  'was in a handler that lost its isolate': async (session) => {
    await helo(session, 'loop');
    begin(session, 'first');
    const address = '<b@example.com>';
    expect((await session.call({ phase: 'rcpt', address, args: [] })).verdict.kind).toBe(
      'tempfail',
    );
  },
  'was over when its runner died': async (session) => {
    await session.call({ phase: 'eom', size: 11 });
    session.endMessage();
    process.kill(under!.engine.runners[0]!.pid!, 'SIGKILL');
  },
  'was in a runner that died': (session) => {
    process.kill(under!.engine.runners[0]!.pid!, 'SIGKILL');
    return session.call({ phase: 'rcpt', address: '<b@example.com>', args: [] });
  },
};

describe('the next message of a session', () => {
  const unknown = async (session: EngineSession) => {
    await session.call({ phase: 'unknown', command: 'XWALK' });
    return JSON.parse(under!.said.at(-1)!) as Record<string, unknown>;
  };

  test.each(Object.keys(ENDS))('shows nothing of one that %s', async (how) => {
    under = await EngineUnderTest.start([{ name: 'walks', source: WALKS }]);
    let body = 'body-first';
    const host = { body: () => Buffer.from(body), queueId: () => undefined };
    const session = under.open(host);
    const fresh = under.open(host);
    begin(session, 'first');
    await session.call({ phase: 'rcpt', address: '<b@example.com>', args: [] });
    const first = await unknown(session);
    // The walk sees everything that it should not see later.
    for (const kind of [
      'queue',
      'auth',
      'user',
      'sender',
      'recipient',
      'envid',
      'orcpt',
      'macro',
      'subject',
      'state',
      'body',
    ])
      expect(JSON.stringify(first)).toContain(`${kind}-${kind === 'state' ? 'queue-' : ''}first`);
    await ENDS[how]!(session);
    session.endMessage();
    for (const each of [session, fresh]) await helo(each, 'same');
    const [between, never] = [await unknown(session), await unknown(fresh)];
    expect({ ...between, 'session.id': 0 }).toEqual({ ...never, 'session.id': 0 });
    body = 'body-second';
    begin(session, 'second');
    begin(fresh, 'second');
    const [second, alone] = [await unknown(session), await unknown(fresh)];
    expect({ ...second, 'session.id': 0 }).toEqual({ ...alone, 'session.id': 0 });
    expect(JSON.stringify([between, second])).not.toContain('first');
    expect(JSON.stringify(second)).toContain('subject-second');
  });
});

describe('a message that a filter keeps in a global', () => {
  test('shows nothing of later ones: what it had, or an error', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'keeps',
        source: `import { log } from 'postern';
          export const options = { ${PATIENT} };
          let kept;
          export async function eom(session, message) {
            const [first] = message.headers;
            if (!kept) {
              kept = { message, first, mail: await message.parse(), ...message };
              message.state.mark = 'state-first';
              return;
            }
            message.state.mark = 'state-second';
            // What is asked for later of what is kept must not be answered with what is parsed now.
            await message.parse();
            const reads = {
              queueId: (m) => m.queueId, sender: (m) => m.sender, recipients: (m) => m.recipients,
              size: (m) => m.size, state: (m) => m.state, subject: (m) => m.headers.get('subject'),
              all: (m) => [...m.headers].map(({ text }) => text), first: () => kept.first.text,
              body: async (m) => String.fromCharCode(...await m.body()),
              raw: async (m) => String.fromCharCode(...await m.raw()),
              parse: async (m) => (await m.parse()).text,
              content: async () => String.fromCharCode(...await kept.mail.attachments[0].content()),
            };
            for (const [name, read] of Object.entries(reads)) {
              let found;
              try { found = await read(kept.message); } catch (error) { found = 'throws ' + error.message; }
              log.info(name + ': ' + JSON.stringify(found));
            }
            const changes = {
              add: (m) => m.headers.add('X', 'y'), change: (m) => m.headers.change('Subject', 'y'),
              delete: (m) => m.headers.delete('Subject'), setSender: (m) => m.setSender('x@example.org'),
              addRecipient: (m) => m.addRecipient('x@example.org'), deleteRecipient: (m) => m.deleteRecipient('x@example.org'),
              replaceBody: (m) => m.replaceBody('x'), quarantine: (m) => m.quarantine('x'), progress: (m) => m.progress(),
            };
            for (const [name, change] of Object.entries(changes)) {
              try { change(kept.message); log.info(name + ' did not throw'); } catch {}
            }
          }`,
      },
    ]);
    let mark = 'first';
    const part = () =>
      `--x\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nbody-${mark}\r\n--x--\r\n`;
    const session = under.open({ body: () => Buffer.from(part()) });
    for (mark of ['first', 'second']) {
      begin(session, mark);
      session.learn({
        f: 'headers',
        block: 'Content-Type\0 multipart/mixed; boundary=x\0',
        decoded: {},
      });
      const { verdict, modifications } = await session.call({ phase: 'eom', size: mark.length });
      expect([verdict.kind, modifications]).toEqual(['continue', []]);
      session.endMessage();
    }
    expect(under.said).toContain(
      'sender: {"address":"sender-first@example.org","args":{"ENVID":"envid-first"}}',
    );
    expect(under.said).toContain('state: {"mark":"state-first"}');
    expect(
      under.said.filter((line) => line.includes('second') || line.includes('did not')),
    ).toEqual([]);
    expect(under.said).toHaveLength(12);
  });
});

describe('state', () => {
  test('of a connection is nobody else’s, and ends with it', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'counts',
        source: `import { log } from 'postern';
          export const options = { ${PATIENT} };
          export function helo(s) { s.state.calls = (s.state.calls ?? 0) + 1; s.state.who ??= s.helo; log.info(s.state.who + s.state.calls); }
          export function close(s) { log.info('closed ' + s.state.who); }`,
      },
    ]);
    const [one, two] = [under.open(), under.open()];
    await helo(one, 'one');
    await helo(two, 'two');
    await helo(one, 'again');
    await one.call({ phase: 'close' });
    one.close();
    await helo(under.open(), 'three');
    await helo(two, 'again');
    expect(under.said).toEqual(['one1', 'two1', 'one2', 'closed one', 'three1', 'two2']);
  });

  test.each([
    ['a function', `session.state.deep = { f() {} };`, 'deep.f'],
    ['a cycle', `session.state.deep = { state: session.state };`, 'deep'],
    ['a bigint', `session.state.deep = { n: 1n };`, 'deep.n'],
    ['a symbol', `session.state.deep = { s: Symbol('s') };`, 'deep.s'],
    ['a Map', `session.state.deep = { m: new Map() };`, 'deep.m'],
    ['a Date', `session.state.deep = { d: new Date(0) };`, 'deep.d'],
    ['bytes', `session.state.deep = { b: new Uint8Array(1) };`, 'deep.b'],
    ['NaN', `session.state.deep = [NaN];`, 'deep[0]'],
  ])('holds JSON only: %s is an error that says where it is', async (_, code, where) => {
    const source = `export const options = { ${PATIENT} }; export function helo(session) { ${code} }`;
    under = await EngineUnderTest.start([{ name: 'odd', source }]);
    expect((await helo(under.open(), 'mx')).verdict.kind).toBe('tempfail');
    expect(under.logged.at(-1)?.text).toContain('state must hold JSON values only');
    expect(under.logged.at(-1)?.text).toContain(where);
  });

  test('may hold undefined, which is the same as nothing', async () => {
    const source = `export const options = { ${PATIENT} }; export function helo(session) { session.state.gone = undefined; }`;
    under = await EngineUnderTest.start([{ name: 'clears', source }]);
    expect((await helo(under.open(), 'mx')).verdict.kind).toBe('continue');
  });
});

describe('a filter', () => {
  /** Counts in its state, in a global and on a prototype, and has words with whoever touched them. */
  const victim: FilterSource = {
    name: 'victim',
    source: `import { kv, reject } from 'postern';
      export const options = { ${PATIENT} };
      let all = 0;
      export async function mail(session) {
        const { state } = session;
        state.calls = (state.calls ?? 0) + 1;
        all += 1;
        const list = [];
        list.push(await Promise.all([1, 2].map(async (n) => n)));
        await kv.set('n', { all });
        const strange = [typeof globalThis.poison, typeof {}.poison, JSON.stringify({ list }), (await kv.get('n')).all];
        return reject('5.7.1 ' + [state.calls, all, ...strange].join(' '));
      }`,
  };

  const POISONS: Readonly<Record<string, string>> = {
    'Object.prototype': `Object.prototype.poison = 1; Object.prototype.toJSON = () => 'poisoned'; Object.prototype.kind = 'accept'; Object.prototype.then = () => {};`,
    'Array.prototype': `Array.prototype.push = () => 0; Array.prototype.map = () => []; Array.prototype[Symbol.iterator] = function* () {};`,
    'the methods of Map': `Map.prototype.get = () => undefined; Map.prototype.set = () => {}; Map.prototype.delete = () => true;`,
    Promise: `Promise.prototype.then = () => {}; globalThis.Promise = class {};`,
    JSON: `JSON.parse = () => ({}); JSON.stringify = () => 'poisoned';`,
    globalThis: `for (const name of Object.getOwnPropertyNames(globalThis)) { try { globalThis[name] = undefined; } catch {} } globalThis.poison = 1;`,
    Function: `Function.prototype.call = () => {}; Function.prototype.apply = () => {};`,
    Error: `globalThis.Error = undefined; Object.defineProperty(Object.prototype, 'stack', { get() { for (;;); } });`,
  };

  test.each(Object.keys(POISONS))('that changes %s changes nothing for another', async (what) => {
    under = await EngineUnderTest.start([
      {
        name: 'poisons',
        source: `import { log, reject } from 'postern';
          export const options = { cpu: '300ms', wall: '1s' };
          export function helo(session) { if (session.helo === 'poison') { ${POISONS[what]} } }
          export function unknown() { return reject('5.7.2 Own'); }`,
      },
      victim,
    ]);
    const runner = under.engine.runners[0]!.pid;
    const [before, after] = [under.open(), under.open()];
    const mail = (session: EngineSession) => {
      session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
      return session.call({ phase: 'mail' });
    };
    const text = (calls: number, all: number) => ({
      filter: 'victim',
      verdict: {
        kind: 'reject',
        reply: { lines: [`${calls} ${all} undefined undefined {"list":[[1,2]]} ${all}`] },
      },
    });
    expect(await mail(before)).toMatchObject(text(1, 1));
    await helo(under.open(), 'poison');
    expect(await mail(before)).toMatchObject(text(2, 2));
    expect(await mail(after)).toMatchObject(text(1, 3));
    // In other sessions it has its own verdict or that of a filter that failed.
    for (const session of [after, under.open()]) {
      const { verdict } = await session.call({ phase: 'unknown', command: 'X' });
      expect(['reject', 'tempfail', 'continue']).toContain(verdict.kind);
      await mail(session);
    }
    expect(await mail(before)).toMatchObject(text(3, 6));
    expect(under.engine.runners[0]!.pid).toBe(runner);
  });

  /** Answers its host with a forged outbox, and takes what it gets for it. */
  const forges = (items: string): FilterSource => ({
    name: 'forges',
    source: `import { log } from 'postern';
      export const options = { ${PATIENT} };
      const { stringify } = JSON;
      const { get } = Map.prototype;
      export async function helo() {
        const stolen = new Promise((resolve) => {
          Map.prototype.get = function (key) {
            return key >= 1_000_000 ? { resolve, reject: resolve } : get.call(this, key);
          };
        });
        const events = Array.from({ length: 50 }, (_, n) => n + 1);
        JSON.stringify = (value) => { JSON.stringify = stringify; return stringify([...value, ...(${items})]); };
        log.info('forged');
        await stolen.then((loot) => { if (loot instanceof Uint8Array) log.info('stolen ' + String.fromCharCode(...loot)); });
      }`,
  });

  test('cannot answer for another', async () => {
    under = await EngineUnderTest.start([
      forges(
        `events.map((event) => ['done', event, { kind: 'accept', all: true }, null, '{"calls":9}', null])`,
      ),
      {
        name: 'waits',
        source: `import { log, reject, sleep } from 'postern';
          export const options = { ${PATIENT} };
          export async function mail(s) { log.info('waits'); await sleep(300); return reject('5.7.1 ' + JSON.stringify(s.state)); }`,
      },
    ]);
    const session = under.open();
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    const outcome = session.call({ phase: 'mail' });
    await under.logs(({ text }) => text === 'waits');
    await helo(under.open(), 'forge');
    expect(under.said).toContain('forged');
    expect(await outcome).toMatchObject({
      filter: 'waits',
      verdict: { kind: 'reject', reply: { lines: ['{}'] } },
    });
  });

  test('cannot read the body of a message that another filter sees', async () => {
    under = await EngineUnderTest.start([
      forges(`events.map((event) => ['call', 1_000_000 + event, event, 'body', []])`),
      {
        name: 'waits',
        source: `import { log, sleep } from 'postern';
          export const options = { ${PATIENT} };
          export async function eom() { log.info('waits'); await sleep(300); }`,
      },
    ]);
    const session = under.engine.open([1], {
      body: () => Buffer.from('secret'),
      progress: () => {},
      queueId: () => undefined,
    });
    session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    const outcome = session.call({ phase: 'eom', size: 6 });
    await under.logs(({ text }) => text === 'waits');
    const forger = under.engine.open([0], {
      body: () => Buffer.from('own'),
      progress: () => {},
      queueId: () => undefined,
    });
    await helo(forger, 'forge');
    expect(under.said).toContain('forged');
    await outcome;
    expect(under.said).not.toContain('stolen secret');
  });

  test('cannot change its settings', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'set',
        source: `import { log, settings } from 'postern';
          export const options = { ${PATIENT} };
          export function helo() {
            for (const change of [() => { settings.a = 2; }, () => { settings.deep.list.push(1); }, () => { delete settings.a; }, () => { settings.deep.new = 1; }]) {
              try { change(); log.info('changed'); } catch (error) { log.info(error.name); }
            }
            log.info(JSON.stringify(settings));
          }`,
        settings: { a: 1, deep: { list: [] } },
      },
    ]);
    await helo(under.open(), 'mx');
    expect(under.said).toEqual([...Array(4).fill('TypeError'), '{"a":1,"deep":{"list":[]}}']);
  });
});
