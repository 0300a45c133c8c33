import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { NetCapability } from '../../src/capabilities/net.ts';
import { freePort } from '../harness/ports.ts';

describe('net.canConnect', () => {
  let server: Server;
  let port: number;

  beforeEach(async () => {
    server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  });
  afterEach(() => {
    server.close();
  });

  const leadingTo = (...addresses: string[]) =>
    new NetCapability({
      lookup: async () =>
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    });
  const allowing = (...hosts: string[]) => ({ hosts, signal: new AbortController().signal });
  const LOCAL = allowing('127.0.0.1');

  test('tells whether somebody listens', async () => {
    const net = new NetCapability();
    expect(await net.perform('canConnect', ['127.0.0.1', port, 5000], LOCAL)).toBe(true);
    const unused = await freePort();
    expect(await net.perform('canConnect', ['127.0.0.1', unused, 5000], LOCAL)).toBe(false);
  });

  test('tries all addresses of a name', async () => {
    const net = leadingTo('::1', '127.0.0.1');
    const context = allowing('a.test', '127.0.0.1', '::1');
    expect(await net.perform('canConnect', ['A.Test.', port, 5000], context)).toBe(true);
  });

  test('knows that a name without addresses leads nowhere', async () => {
    const net = leadingTo();
    expect(await net.perform('canConnect', ['a.test', port, 5000], allowing('a.test'))).toBe(false);
  });

  test('goes only where the filter may go', async () => {
    const connected = jest.fn();
    server.on('connection', connected);
    const net = leadingTo('127.0.0.1');
    for (const host of ['a.test', 'b.test', '0x7f.1', '[::ffff:127.0.0.1]', '::1', '0']) {
      const context = allowing('a.test', `127.0.0.1:${port + 1}`);
      await expect(net.perform('canConnect', [host, port, 5000], context)).rejects.toMatchObject({
        code: 'ERR_NET_HOST',
        message: expect.stringMatching(/^net\.canConnect: .* write options\.http: \['/),
      });
    }
    expect(connected).not.toHaveBeenCalled();
  });

  test.each([
    [[]],
    [['127.0.0.1', 25]],
    [['127.0.0.1', 0, 1000]],
    [['127.0.0.1', 65_536, 1000]],
    [['127.0.0.1', 25.5, 1000]],
    [['127.0.0.1', 25, 0]],
    [['', 25, 1000]],
    [['user@127.0.0.1', 25, 1000]],
    [['127.0.0.1/x', 25, 1000]],
    [['%31.0.0.1', 25, 1000]],
    [['fe80::1%lo', 25, 1000]],
  ])('refuses %j', async (args) => {
    await expect(
      new NetCapability().perform('canConnect', args as unknown[], LOCAL),
    ).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  test('waits no longer than it is told, for the lookup neither', async () => {
    const net = new NetCapability({ lookup: () => new Promise(() => {}) });
    expect(await net.perform('canConnect', ['a.test', 25, 50], allowing('a.test'))).toBe(false);
  });

  test('waits 10 seconds at most', async () => {
    jest.useFakeTimers();
    try {
      const net = new NetCapability({ lookup: () => new Promise(() => {}) });
      const waiting = net.perform('canConnect', ['a.test', 25, 60_000], allowing('a.test'));
      await jest.advanceTimersByTimeAsync(10_000);
      expect(await waiting).toBe(false);
    } finally {
      jest.useRealTimers();
    }
  });

  test('ends with the handler that asked', async () => {
    const net = new NetCapability({ lookup: () => new Promise(() => {}) });
    const handler = new AbortController();
    const context = { hosts: ['a.test'], signal: handler.signal };
    const waiting = net.perform('canConnect', ['a.test', 25, 5000], context);
    handler.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await expect(net.perform('canConnect', ['a.test', 25, 5000], context)).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
  });

  test('is all that there is', async () => {
    await expect(new NetCapability().perform('listen', [], LOCAL)).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_CAPABILITY',
    });
  });
});
