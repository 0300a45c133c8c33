import { MemcachedStore } from '../../../src/kv/memcached/memcached.ts';
import { itemName } from '../../../src/kv/memcached/names.ts';
import { expirationIn } from '../../../src/kv/memcached/requests.ts';
import { type MemcachedServer, startMemcached } from '../../harness/memcached.ts';
import { describeWith } from '../../harness/requirements.ts';
import { pollFor } from '../../harness/waiting.ts';
import { memcachedUrl } from './server.ts';

const X = Buffer.from('x');
const DAY_MS = 86_400_000;

describe('the name of an item', () => {
  test.each(['a', 'conn:192.0.2.1', 'grün', 'a~', 'k'.repeat(250)])('is the key: %s', (key) => {
    expect(itemName(key)).toBe(key);
  });

  test.each(['a b', '~', '~a', 'a\n', 'a\0', '\u007f', 'k'.repeat(251), `${'k'.repeat(249)}ü`])(
    'is a hash where memcached cannot take the key: %j',
    (key) => {
      expect(itemName(key)).toMatch(/^~[\w-]{43}$/);
    },
  );

  test('of a key that looks like such a name is another one', () => {
    const name = itemName('a b');
    expect(itemName(name)).not.toBe(name);
  });
});

describe('the expiration of an item', () => {
  const nowS = () => Date.now() / 1000;

  test.each([
    [1, 2],
    [1000, 2],
    [1001, 3],
    [59_999, 61],
    [30 * DAY_MS - 1000, 30 * 86_400],
  ])('with %d ms to live is %d s, and so never too early', (leftMs, seconds) => {
    expect(expirationIn(leftMs)).toBe(seconds);
  });

  test('is a time of day where memcached would take it for one', () => {
    const expiration = expirationIn(30 * DAY_MS);
    expect(expiration).toBeGreaterThan(nowS() + 30 * 86_400);
    expect(expiration).toBeLessThan(nowS() + 30 * 86_400 + 5);
  });

  test('is never for what memcached cannot count', () => {
    expect(expirationIn(2 ** 48 - 1)).toBe(0);
  });
});

describeWith(['memcached'], 'an entry in memcached', () => {
  let server: MemcachedServer;
  let store: MemcachedStore;
  beforeAll(async () => {
    server = await startMemcached();
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    await server.flush();
    store = new MemcachedStore(memcachedUrl(server));
  });
  afterEach(() => store.close());

  test('is absent when its time is over, and gone from memcached soon after', async () => {
    await store.set('short', X, 400);
    await store.set('long', X, 40 * DAY_MS);
    await store.set('for good', X);
    await pollFor(async () => !(await store.has('short')) || undefined, {
      timeoutMs: 2000,
      failure: () => 'the entry is still there',
    });
    // memcached frees an expired item when somebody asks for it.
    await pollFor(
      async () => {
        await store.get('short');
        return (await server.stat('curr_items')) === 2 || undefined;
      },
      { timeoutMs: 5000, failure: () => 'the item is still there' },
    );
    expect(await store.has('long')).toBe(true);
    expect(await store.has('for good')).toBe(true);
  });

  test('that does not fit is refused with the reason, and what was there stays', async () => {
    await store.set('a', X);
    await expect(store.set('a', Buffer.alloc(1024 ** 2))).rejects.toMatchObject({
      code: 'ERR_KV_VALUE',
      message: expect.stringMatching(/^a: the value is too large for memcached at .* -I$/),
    });
    await expect(store.set('b', Buffer.alloc(1024 ** 2), 1000)).rejects.toMatchObject({
      code: 'ERR_KV_VALUE',
    });
    expect(await store.get('a')).toEqual(X);
    await store.set('a', Buffer.alloc(1024 ** 2 - 512));
    expect((await store.get('a'))?.length).toBe(1024 ** 2 - 512);
  });

  test('that does not fit does not spoil the changes that are made with it', async () => {
    const results = await Promise.allSettled([
      store.set('a', X),
      store.set('a', Buffer.from('y')),
      store.set('a', Buffer.alloc(1024 ** 2)),
      store.expire('a', 60_000),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect((await store.get('a'))?.toString()).toBe('y');
  });

  test('cannot be listed', async () => {
    await expect(store.scan('', { limit: 1 })).rejects.toMatchObject({
      code: 'ERR_KV_UNSUPPORTED',
      message: expect.stringMatching(/use lmdb, Redis or etcd/),
    });
  });

  test('is forgotten when memcached is restarted, and is not mistaken for a new one', async () => {
    await store.set('a', X);
    await server.kill();
    await server.restart();
    const other = new MemcachedStore(memcachedUrl(server));
    await other.set('a', Buffer.from('of another'));
    await pollFor(() => store.has('a').catch(() => undefined), {
      timeoutMs: 3000,
      failure: () => 'the store does not work again',
    });
    expect(await store.cas('a', X, Buffer.from('y'))).toBe(false);
    expect((await store.get('a'))?.toString()).toBe('of another');
    await other.close();
  });
});

describeWith(['memcached'], 'a store on several memcached servers', () => {
  const servers: MemcachedServer[] = [];
  beforeAll(async () => {
    for (let n = 0; n < 3; n++) servers.push(await startMemcached());
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test('spreads its entries, and lives on without one of them', async () => {
    const store = new MemcachedStore(memcachedUrl(...servers));
    const keys = Array.from({ length: 60 }, (_, n) => `key ${n}`);
    await Promise.all(keys.map((key) => store.set(key, Buffer.from(key))));
    const items = await Promise.all(servers.map((server) => server.stat('curr_items')));
    expect(items.reduce((sum, count) => sum + count)).toBe(60);
    expect(Math.min(...items)).toBeGreaterThan(5);
    await servers[1]!.kill();
    const found = await Promise.allSettled(keys.map((key) => store.get(key)));
    expect(found.filter(({ status }) => status === 'rejected')).toHaveLength(items[1]!);
    await servers[1]!.restart();
    await pollFor(
      async () => {
        const again = await Promise.allSettled(keys.map((key) => store.get(key)));
        return again.every(({ status }) => status === 'fulfilled') || undefined;
      },
      { timeoutMs: 3000, failure: () => 'the server is not used again' },
    );
    await store.close();
  });
});
