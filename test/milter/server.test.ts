/** The server over real sockets: places, draining, listeners. */

import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { MilterServer } from '../../src/milter/server.ts';
import { MilterClient } from '../../src/testing/milter-client.ts';
import { FakeLog, hold } from './dialogue.ts';
import { type Answer, FakeEngine, filter } from './fake-engine.ts';
import { FakeTimers } from './fake-timers.ts';
import { cleanups, closed, serve, until } from './serving.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

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
