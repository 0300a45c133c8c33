/** Connections over real sockets. */

import { duplexPair } from 'node:stream';
import { encodeCommand } from 'net-milter-codec';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { Connection } from '../../src/milter/connection.ts';
import { MilterClient } from '../../src/testing/milter-client.ts';
import { FakeLog, hold } from './dialogue.ts';
import { type Answer, FakeEngine, filter } from './fake-engine.ts';
import { FakeTimers } from './fake-timers.ts';
import { closed, serve, until } from './serving.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

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
