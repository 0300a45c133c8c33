import { type RedisServer, startRedis } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeStore } from '../suite/store-suite.ts';
import { closeStores, openRedis, urlOf } from './store.ts';

describeWith(['redis-server'], 'a single Redis', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ clock: true });
  });
  afterEach(closeStores);
  afterAll(() => server?.stop());

  describeStore({
    kind: 'redis',
    grainMs: 5000,
    async open() {
      await server.cli('FLUSHALL');
      const store = openRedis(urlOf(server));
      return { store, advance: (ms) => server.advance(ms), close: () => store.close() };
    },
    async shared() {
      await server.cli('FLUSHALL');
      return { url: urlOf(server), close: async () => {} };
    },
  });

  test('a rate that a clock before it was set back has left is allowed when told', async () => {
    const store = openRedis(urlOf(server));
    const nowMs = Number((await server.cli('TIME')).split('\n')[0]) * 1000;
    const ahead = ['level', '1', 'atMs', `${nowMs + 3_600_000}`, 'msPerOne', '60000'];
    await server.cli('HSET', 'r', 'kind', 'rate', ...ahead);
    const { allowed, retryAfterMs } = await store.rate('r', { limit: 1, perMs: 60_000 });
    expect(allowed).toBe(false);
    expect(retryAfterMs).toBeGreaterThan(3_600_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_660_000);
    await server.advance(retryAfterMs);
    expect(await store.rate('r', { limit: 1, perMs: 60_000 })).toMatchObject({ allowed: true });
    await store.close();
  });

  test.each(['x', ':x', ':18446744073709551616', ':99999999999999999999', 'nosuch:0', 'a\u001b:0'])(
    'a cursor that a filter made up is its mistake: %j',
    async (cursor) => {
      const store = openRedis(urlOf(server));
      const error = await store.scan('', { limit: 5, cursor }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'ERR_KV_ARGUMENT',
        message: expect.stringMatching(/^[^\u001b]*begin the scan again$/),
      });
      await store.close();
    },
  );

  test('the last cursor that there can be is asked for', async () => {
    const store = openRedis(urlOf(server));
    const cursor = ':18446744073709551615';
    expect(await store.scan('', { limit: 5, cursor })).toEqual({ entries: expect.any(Array) });
    await store.close();
  });
});
