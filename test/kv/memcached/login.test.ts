import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { MemcachedStore } from '../../../src/kv/memcached/memcached.ts';
import { startMemcached } from '../../harness/memcached.ts';
import { describeWith } from '../../harness/requirements.ts';
import { memcachedUrl } from './server.ts';

const LOGIN = { username: 'ann', password: 'secret word' };

/** An answer without extras and key. */
function answer(request: Buffer, status: number, value = ''): Buffer {
  const packet = Buffer.alloc(24 + value.length);
  packet[0] = 0x81;
  packet[1] = request[1]!;
  packet.writeUInt16BE(status, 6);
  packet.writeUInt32BE(value.length, 8);
  request.copy(packet, 12, 12, 16);
  packet.write(value, 24);
  return packet;
}

/** Knows one user, and no entry; each packet comes in one piece on loopback. */
function servePlain(socket: Socket): void {
  let known = false;
  socket
    .on('error', () => undefined)
    .on('data', (request: Buffer) => {
      const body = request.toString('utf8', 24);
      if (request[1] === 0x20) return socket.write(answer(request, 0, 'PLAIN'));
      if (request[1] === 0x21) known = body === 'PLAIN\0ann\0secret word';
      if (!known) return socket.write(answer(request, 0x20, 'Auth failure'));
      return socket.write(answer(request, request[1] === 0 ? 1 : 0));
    });
}

describe('a memcached with users', () => {
  const server = createServer(servePlain);
  let port: number;
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => void server.close());

  test('lets in who has the password', async () => {
    const store = new MemcachedStore({ ...memcachedUrl({ port }), ...LOGIN });
    expect(await store.get('a')).toBeUndefined();
    await store.close();
  });

  test.each([
    ['a wrong password', { ...LOGIN, password: 'not it' }],
    ['no password', {}],
  ])('refuses %s, which is named and not shown', async (_, login) => {
    const store = new MemcachedStore({ ...memcachedUrl({ port }), ...login });
    const error = await store.get('a').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_KV_UNAVAILABLE',
      message: expect.stringMatching(/: wrong user or password .* in the URL of the store$/),
    });
    expect(String(error)).not.toContain('not it');
    await store.close();
  });
});

describeWith(['memcached'], 'a real memcached with users', () => {
  test('refuses a wrong password', async () => {
    // It has no database of users, so every password is wrong.
    const server = await startMemcached({ withUsers: true });
    const store = new MemcachedStore({ ...memcachedUrl(server), ...LOGIN });
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'ERR_KV_UNAVAILABLE',
      message: expect.stringMatching(/wrong user or password/),
    });
    await store.close();
    await server.stop();
  });
});
