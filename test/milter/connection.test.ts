/** Connections and the server over real sockets. */

import { connect, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { encodeCommand, MILTER_CHUNK_SIZE } from 'net-milter-codec';
import { DEFAULT_LIMITS, type Limits } from '../../src/config/limits.ts';
import type { FilterDescription } from '../../src/engine/contract.ts';
import { Connection } from '../../src/milter/connection.ts';
import { MilterServer } from '../../src/milter/server.ts';
import type { Timers } from '../../src/milter/timers.ts';
import { MilterClient } from '../../src/testing/milter-client.ts';
import { FakeLog, hold } from './dialogue.ts';
import { type Answer, FakeEngine, filter, type Script } from './fake-engine.ts';
import { FakeTimers } from './fake-timers.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setting {
  readonly limits?: Partial<Limits>;
  readonly timers?: Timers;
  readonly listen?: string;
}

async function serve(
  filters: readonly FilterDescription[],
  script?: Script,
  setting: Setting = {},
) {
  const engine = new FakeEngine(filters, script);
  const log = new FakeLog();
  const { listen = 'inet:127.0.0.1:0', limits, timers } = setting;
  const server = await MilterServer.open({
    config: { milter: { listeners: [{ listen }] }, limits: { ...DEFAULT_LIMITS, ...limits } },
    engine,
    log,
    ...(timers && { timers }),
  });
  cleanups.push(() => server.close({ graceMs: 0 }));
  const [address] = server.addresses;
  const client = async () => {
    const made = await MilterClient.connect(address!);
    cleanups.push(() => made.destroy());
    return made;
  };
  /** A socket that speaks no protocol by itself. */
  const raw = async (): Promise<Socket> => {
    if (address?.kind !== 'tcp') throw new Error('expected TCP');
    const socket = connect({ port: address.port, host: '127.0.0.1' });
    cleanups.push(() => socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  };
  return { engine, log, server, client, raw };
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.resume();
    socket.once('close', () => resolve());
  });

/** Waits for something that has no event of its own. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a whole message', () => {
  test.each(['inet:127.0.0.1:0', 'unix'])('over %s', async (listen) => {
    const { client, engine } = await serve(
      [filter(['connect', 'rcpt', 'eom'])],
      (call) =>
        call.phase === 'eom'
          ? { modifications: [{ kind: 'addHeader', name: 'X-Seen', value: { text: 'yes' } }] }
          : undefined,
      { listen: listen === 'unix' ? `unix:${folder.path('m.sock')}` : listen },
    );
    const mta = await client();
    await mta.negotiate();
    mta.macros('connect', { v: 'Postfix 3.9' });
    expect(await mta.connectInfo()).toEqual({ kind: 'continue' });
    expect(await mta.helo()).toBeUndefined();
    expect(await mta.mail('a@example.org')).toBeUndefined();
    expect(await mta.rcpt('b@example.com')).toEqual({ kind: 'continue' });
    await mta.header('Subject', 'hello');
    await mta.body('text\r\n'.repeat(50_000));
    expect(await mta.eom()).toEqual({
      modifications: [{ kind: 'addheader', name: 'X-Seen', value: ' yes' }],
      final: { kind: 'continue' },
      progress: 0,
    });
    mta.abort();
    await mta.quit();
    expect(engine.last.calls.map(({ phase }) => phase)).toEqual(['connect', 'rcpt', 'eom']);
  });

  test('byte by byte', async () => {
    const { raw, engine } = await serve([filter(['mail', 'close'])]);
    const socket = await raw();
    const bytes = Buffer.concat(
      [
        { kind: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff } as const,
        { kind: 'mail', address: '<a@example.org>', args: [] } as const,
        { kind: 'quit' } as const,
      ].map((command) => encodeCommand(command)),
    );
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closed(socket);
    expect(engine.last.calls.map(({ phase }) => phase)).toEqual(['mail', 'close']);
  });
});

test('a connection needs no socket, only a stream', async () => {
  const [near, far] = duplexPair();
  const engine = new FakeEngine([filter(['mail', 'close'])]);
  const ended = hold<void>();
  const connection = new Connection({
    socket: far,
    engine,
    scope: [0],
    limits: DEFAULT_LIMITS,
    log: new FakeLog(),
    timers: new FakeTimers(),
    listener: 'memory',
    onEnd: () => ended.release(),
  });
  const mta = new MilterClient(near);
  await mta.negotiate();
  expect(await mta.mail('a@example.org')).toEqual({ kind: 'continue' });
  mta.end();
  await ended.promise;
  expect(engine.last.calls.map(({ phase }) => phase)).toEqual(['mail', 'close']);
  connection.destroy();
});

describe('what is not milter', () => {
  test('an HTTP request gets a clear line and the end', async () => {
    const { raw, log, engine } = await serve([filter(['mail'])]);
    const socket = await raw();
    socket.write('GET /ping HTTP/1.1\r\nHost: x\r\n\r\n');
    await closed(socket);
    expect(log.lines).toMatchObject([
      {
        level: 'warn',
        message: 'closing a connection: the other side does not speak milter',
        fields: {
          code: 'ERR_MILTER_PACKET_TOO_BIG',
          begins: 'GET /ping HTTP/1.1..Host: x....',
          mta: '127.0.0.1',
        },
      },
    ]);
    expect(engine.sessions).toEqual([]);
  });

  test.each([
    ['an empty packet', Buffer.from([0, 0, 0, 0]), 'ERR_MILTER_EMPTY_PACKET'],
    ['an unknown command', Buffer.from([0, 0, 0, 1, 0x7a]), 'ERR_MILTER_UNKNOWN_COMMAND'],
    ['a packet that is too long', Buffer.from([0, 0x40, 0, 0, 0x42]), 'ERR_MILTER_PACKET_TOO_BIG'],
  ])('%s ends that connection alone', async (_name, bytes, code) => {
    const { client, log, engine } = await serve([filter(['mail', 'abort', 'close'])]);
    const [bad, good] = [await client(), await client()];
    await bad.negotiate();
    await good.negotiate();
    await bad.mail('a@example.org');
    bad.send(bytes);
    await bad.closed;
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { code, session: 's1' } }]);
    expect(engine.sessions[0]!.calls.map(({ phase }) => phase)).toEqual(['mail', 'abort', 'close']);
    expect(await good.mail('b@example.org')).toEqual({ kind: 'continue' });
  });
});

describe('an MTA that vanishes', () => {
  test('in the middle of a packet', async () => {
    const { client, log, engine } = await serve([filter(['mail', 'close'])]);
    const mta = await client();
    await mta.negotiate();
    mta.send(Buffer.from([0, 0, 0, 9, 0x4d, 0x3c]));
    await until(() => engine.sessions.length > 0);
    mta.end();
    await mta.closed;
    await until(() => engine.last.isClosed);
    expect(log.lines).toMatchObject([
      { level: 'warn', message: 'a connection ended inside a packet' },
    ]);
    expect(engine.last.calls).toEqual([{ phase: 'close' }]);
  });

  test('while a filter works', async () => {
    const held = hold<Answer>();
    const { client, engine, server } = await serve([filter(['eom', 'abort', 'close'])], (call) =>
      call.phase === 'eom' ? held.promise : undefined,
    );
    const mta = await client();
    await mta.negotiate();
    await mta.mail('a@example.org');
    await mta.rcpt('b@example.com');
    mta.eom().catch(() => {});
    await until(() => engine.last?.count('eom') === 1);
    mta.destroy();
    await until(() => server.counts.connections === 0);
    await until(() => engine.last.isClosed);
    expect(engine.last.calls.map(({ phase }) => phase)).toEqual(['eom', 'abort', 'close']);
    expect(engine.last.diary).toContain('cancel');
  });
});

describe('time', () => {
  test('an MTA that is silent for too long', async () => {
    const timers = new FakeTimers();
    const { client, log, engine } = await serve([filter(['mail', 'close'])], undefined, {
      timers,
      limits: { idleMs: 100_000 },
    });
    const mta = await client();
    await mta.negotiate();
    timers.advance(99_000);
    await mta.mail('a@example.org');
    timers.advance(99_999);
    expect(engine.last.isClosed).toBe(false);
    timers.advance(1);
    await mta.closed;
    expect(log.lines).toMatchObject([
      { level: 'info', fields: { limit: 'limits.idle', ms: 100_000 } },
    ]);
    expect(engine.last.count('close')).toBe(1);
  });

  test('filters that take long do not make the MTA silent', async () => {
    const timers = new FakeTimers();
    const held = hold<Answer>();
    const { client, engine } = await serve([filter(['mail'])], () => held.promise, {
      timers,
      limits: { idleMs: 1_000 },
    });
    const mta = await client();
    await mta.negotiate();
    const reply = mta.mail('a@example.org');
    await until(() => engine.last.count('mail') === 1);
    timers.advance(10_000);
    held.release({ kind: 'reject' });
    expect(await reply).toEqual({ kind: 'reject' });
  });

  test('who does not negotiate has less time', async () => {
    const timers = new FakeTimers();
    const { raw, server } = await serve([filter(['mail'])], undefined, { timers });
    const socket = await raw();
    await until(() => server.counts.connections === 1);
    timers.advance(60_000);
    await closed(socket);
  });

  test('an MTA that does not take replies', async () => {
    const timers = new FakeTimers();
    const body = 'x'.repeat(MILTER_CHUNK_SIZE).repeat(400);
    const { raw, log, server } = await serve(
      [filter(['eom'])],
      (call) =>
        call.phase === 'eom' ? { modifications: [{ kind: 'replaceBody', body }] } : undefined,
      { timers, limits: { writeMs: 30_000 } },
    );
    const socket = await raw();
    socket.pause();
    socket.write(
      Buffer.concat(
        [
          { kind: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff } as const,
          { kind: 'mail', address: '<a@example.org>', args: [] } as const,
          { kind: 'bodyeob' } as const,
        ].map((command) => encodeCommand(command)),
      ),
    );
    await until(() => timers.size === 2);
    timers.advance(30_000);
    await until(() => server.counts.connections === 0);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { limit: 'limits.write' } }]);
  });
});

describe('back-pressure', () => {
  test.each([
    ['large', 60_000],
    // Many of them in one piece of what the socket gives.
    ['small', 10],
  ])('while too many calls wait, no more is taken: %s chunks', async (_name, bytes) => {
    const held = hold<Answer>();
    let released = false;
    const { raw, engine } = await serve([filter(['body'])], async () => {
      if (!released) await held.promise;
      return undefined;
    });
    const socket = await raw();
    socket.resume();
    const chunk = encodeCommand({ kind: 'body', chunk: Buffer.alloc(bytes) });
    socket.write(encodeCommand({ kind: 'optneg', version: 6, actions: 0, protocol: 0x1fffff }));
    socket.write(encodeCommand({ kind: 'mail', address: '<a@example.org>', args: [] }));
    for (let count = 0; count < 50; count += 1) {
      socket.write(Buffer.concat(Array.from({ length: 10 }, () => chunk)));
    }
    await until(() => (engine.last?.count('body') ?? 0) > 60);
    for (let turn = 0; turn < 200; turn += 1) await new Promise((r) => setImmediate(r));
    expect(engine.last.count('body')).toBeLessThan(70);
    released = true;
    held.release(undefined);
    await until(() => engine.last.count('body') === 500);
  });
});

describe('the server', () => {
  test('turns away who comes after the last place is taken, with one line', async () => {
    const { client, raw, log, server } = await serve([filter(['mail'])], undefined, {
      limits: { sessions: 1 },
    });
    const first = await client();
    await first.negotiate();
    await closed(await raw());
    await closed(await raw());
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { limit: 'limits.sessions' } }]);
    expect(server.counts).toEqual({ connections: 1, accepted: 1, refused: 2 });
    await first.quit();
    await until(() => server.counts.connections === 0);
    expect((await (await client()).negotiate()).version).toBe(6);
  });

  test('draining: idle connections end, a message under way is finished first', async () => {
    const held = hold<Answer>();
    const { client, server, engine } = await serve([filter(['eom', 'close'])], (call) =>
      call.phase === 'eom' ? held.promise : undefined,
    );
    const [idle, busy] = [await client(), await client()];
    await idle.negotiate();
    await busy.negotiate();
    await busy.mail('a@example.org');
    await busy.rcpt('b@example.com');
    const end = busy.eom();
    await until(() => engine.sessions[1]?.count('eom') === 1);
    const over = server.close({ graceMs: 20 });
    held.release({ kind: 'reject' });
    expect((await end).final).toEqual({ kind: 'reject' });
    await Promise.all([idle.closed, busy.closed, over]);
    expect(engine.sessions.map((session) => session.count('close'))).toEqual([1, 1]);
    expect(server.counts.connections).toBe(0);
  });

  test('draining: between messages an MTA has a moment to begin the next', async () => {
    const timers = new FakeTimers();
    const { client, server } = await serve([filter(['mail', 'eom'])], undefined, { timers });
    const mta = await client();
    await mta.negotiate();
    const over = server.close({ graceMs: 60_000 });
    timers.advance(900);
    await mta.mail('a@example.org');
    timers.advance(10_000);
    await mta.rcpt('b@example.com');
    expect((await mta.eom()).final).toEqual({ kind: 'continue' });
    timers.advance(999);
    await mta.expectNoReply(0);
    timers.advance(1);
    await mta.closed;
    await over;
  });

  test('what does not end in time is cut off', async () => {
    const { client, server, engine } = await serve([filter(['eom', 'abort', 'close'])], (call) =>
      call.phase === 'eom' ? hold<Answer>().promise : undefined,
    );
    const mta = await client();
    await mta.negotiate();
    await mta.mail('a@example.org');
    const end = mta.eom();
    await until(() => engine.last.count('eom') === 1);
    await Promise.all([server.close({ graceMs: 5 }), expect(end).rejects.toThrow()]);
    await until(() => engine.last.isClosed);
    expect(engine.last.calls.map(({ phase }) => phase)).toEqual(['eom', 'abort', 'close']);
  });

  test('a listener with filters of its own runs those', async () => {
    const engine = new FakeEngine([filter(['mail'], {}, 'one'), filter(['rcpt'], {}, 'two')]);
    const log = new FakeLog();
    const listeners = [{ listen: 'inet:127.0.0.1:0', filters: ['two'] }];
    const server = await MilterServer.open({
      config: { milter: { listeners }, limits: DEFAULT_LIMITS },
      engine,
      log,
    });
    cleanups.push(() => server.close({ graceMs: 0 }));
    const mta = await MilterClient.connect(server.addresses[0]!);
    await mta.negotiate();
    expect(await mta.mail('a@example.org')).toBeUndefined();
    expect(await mta.rcpt('b@example.com')).toEqual({ kind: 'continue' });
    expect(() => server.use(new FakeEngine([filter(['mail'], {}, 'one')]))).toThrow(
      "inet:127.0.0.1:0: expected the name of a filter (one), got 'two'",
    );
    mta.destroy();
  });

  test('if one listener cannot be opened, none is', async () => {
    const { server: taken } = await serve([filter(['mail'])]);
    const [address] = taken.addresses;
    if (address?.kind !== 'tcp') throw new Error('expected TCP');
    const path = folder.path('m.sock');
    const attempt = MilterServer.open({
      config: {
        milter: {
          listeners: [{ listen: `unix:${path}` }, { listen: `inet:127.0.0.1:${address.port}` }],
        },
        limits: DEFAULT_LIMITS,
      },
      engine: new FakeEngine([]),
      log: new FakeLog(),
    });
    await expect(attempt).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(MilterClient.connect(`unix:${path}`)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
