/** Connections over real sockets: those that take too long, or send too much. */

import { encodeCommand, MILTER_CHUNK_SIZE } from 'net-milter-codec';
import { hold } from './dialogue.ts';
import { type Answer, filter } from './fake-engine.ts';
import { FakeTimers } from './fake-timers.ts';
import { closed, serve, until } from './serving.ts';

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
