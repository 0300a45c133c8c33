/** What a Redis is asked to do, and what it refuses. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { memberHash } from '../../../src/kv/changes/distinct.ts';
import { KvError } from '../../../src/kv/errors.ts';
import type { RedisStore } from '../../../src/kv/redis/redis.ts';
import { makeCertificate, type RedisServer, startRedis } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { temporaryDirectory } from '../../harness/temporary-directory.ts';
import { pollFor } from '../../harness/waiting.ts';
import { closeStores, connected, openRedis, urlOf } from './store.ts';

const HOUR_MS = 3_600_000;
const bytes = (text: string) => Buffer.from(text);

const errorOf = (call: Promise<unknown>): Promise<KvError> =>
  call.then(
    () => {
      throw new Error('answered');
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(KvError);
      return error as KvError;
    },
  );

/** The error of a store that has had the time to connect. */
const errorInTheEnd = (store: RedisStore, word: string) =>
  pollFor(
    async () => {
      const error = await errorOf(store.get('a'));
      return error.message.includes(word) ? error : undefined;
    },
    { timeoutMs: 5000, failure: () => `no error with ${word}` },
  );

describeWith(['redis-server', 'openssl'], 'a Redis server', () => {
  let server: RedisServer;
  let store: RedisStore;
  const stray: unknown[] = [];
  const note = (reason: unknown) => stray.push(reason);

  afterEach(closeStores);
  beforeAll(async () => {
    process.on('unhandledRejection', note);
    server = await startRedis();
  });
  afterAll(async () => {
    await server?.stop();
    process.off('unhandledRejection', note);
    expect(stray).toEqual([]);
  });
  beforeEach(async () => {
    await server.cli('CONFIG', 'SET', 'maxmemory', '0');
    await server.cli('FLUSHALL');
    store = openRedis(urlOf(server));
  });

  test('shows redis-cli what is kept in it', async () => {
    await store.set('value', bytes('{"a":1}'));
    await store.rate('rate', { limit: 60, perMs: HOUR_MS, cost: 2.5 });
    await store.windowAdd('window', 7, { perMs: HOUR_MS, slots: 1 });
    await store.distinctAdd('distinct', 'ann', HOUR_MS);
    await store.leaseAcquire('lease', 'me', { limit: 1, ttlMs: HOUR_MS });
    expect(await server.cli('GET', 'value')).toBe('{"a":1}');
    expect(await server.cli('HMGET', 'rate', 'kind', 'level', 'msPerOne')).toBe('rate\n2.5\n60000');
    expect(await server.cli('HGETALL', 'window')).toMatch(
      /^kind\nwindow\nperMs\n3600000\n\d{13}\n7$/,
    );
    expect((await server.cli('ZRANGE', 'distinct', '0', '-1')).split('\n')).toEqual([
      '#per',
      '#counted',
      '#distinct',
      '#since',
      '#tracked',
      memberHash('ann'),
    ]);
    expect(await server.cli('ZRANGE', 'lease', '0', '-1')).toBe('#lease\nme');
  });

  test('is sent in one write what is asked in one tick', async () => {
    const writes: Buffer[] = [];
    const proxy = createServer((socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      socket.on('data', (data) => writes.push(data));
      socket.pipe(upstream).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const proxied = openRedis(urlOf(proxy.address() as AddressInfo));
    await connected(proxied);
    await proxied.incr('n', 1);
    writes.length = 0;
    const sums = await Promise.all(Array.from({ length: 100 }, () => proxied.incr('n', 1)));
    expect(sums.at(-1)).toBe(101);
    expect(writes).toHaveLength(1);
    await proxied.close();
    proxy.close();
  });

  test('is sent a script again when it has forgotten it', async () => {
    expect(await store.incr('n', 1)).toBe(1);
    for (let round = 0; round < 3; round++) {
      const first = Array.from({ length: 50 }, () => store.incr('n', 1));
      const flushed = server.cli('SCRIPT', 'FLUSH');
      await Promise.all([...first, flushed]);
      await Promise.all(Array.from({ length: 50 }, () => store.incr('n', 1)));
    }
    expect(await store.incr('n', 1)).toBe(302);
  });

  test('has a time to live for each counter, also for one that is made when another expires', async () => {
    for (let n = 1; n <= 1000; n++) {
      await store.incr('n', 1, 1 + (n % 3));
      const left = await store.ttl('n');
      if (left === undefined) expect(await store.has('n')).toBe(false);
      else expect(left).toBeLessThanOrEqual(3);
    }
    await pollFor(async () => !(await store.has('n')) || undefined, {
      timeoutMs: 1000,
      failure: () => 'the counter stays',
    });
  }, 60_000);

  test('keeps what others keep there: calls say what it is, lists leave it out', async () => {
    await server.cli('RPUSH', 'list', 'x');
    await server.cli('HSET', 'hash', 'x', 'y');
    await server.cli('ZADD', 'zset', '1', 'x');
    await server.cli('SET', 'text', 'not JSON');
    for (const [key, name] of [
      ['list', 'Redis list'],
      ['hash', 'Redis hash'],
      ['zset', 'Redis zset'],
    ] as const) {
      for (const call of [
        store.get(key),
        store.incr(key, 1),
        store.rate(key, { limit: 1, perMs: 1 }),
        store.windowSum(key, { perMs: 1, slots: 1 }),
        store.distinctAdd(key, 'x', 1),
        store.leaseRelease(key, 'x'),
        store.cas(key, undefined, bytes('1')),
      ]) {
        expect(await errorOf(call)).toMatchObject({
          code: 'ERR_KV_TYPE',
          message: expect.stringContaining(`another program keeps a ${name} there`),
        });
      }
      expect(await store.look(key)).toBeUndefined();
      expect(await store.has(key)).toBe(true);
      expect(await store.add(key, bytes('1'))).toBe(false);
    }
    const page = await store.scan('', { limit: 100 });
    expect(page.entries.map(({ key }) => key)).toEqual(['text']);
    await store.set('list', bytes('1'));
    expect(await server.cli('TYPE', 'list')).toBe('string');
  });

  test('is not asked for keys that are no text', async () => {
    await server.cli(
      'EVAL',
      "redis.call('SET', '\\255\\254', 'x') redis.call('SET', '', 'x')",
      '0',
    );
    // What the first of these would be if it were read as text all the same.
    await store.set('\ufffd\ufffd', bytes('1'));
    const page = await store.scan('', { limit: 100 });
    expect(page.entries.map(({ key }) => key)).toEqual(['\ufffd\ufffd']);
  });

  test('keeps numbers exactly', async () => {
    await store.rate('r', { limit: 3, perMs: 1e9, burst: 10, cost: 0.1 });
    await store.rate('r', { limit: 3, perMs: 1e9, burst: 10, cost: 0.2 });
    const level = Number(await server.cli('HGET', 'r', 'level'));
    expect(level).toBeCloseTo(0.3, 6);
    expect(await server.cli('HGET', 'r', 'msPerOne')).toBe('333333333.33333331');
    await store.incr('n', Number.MIN_SAFE_INTEGER);
    expect(await server.cli('GET', 'n')).toBe(`${Number.MIN_SAFE_INTEGER}`);
  });

  test('that is full says so, and still answers what it can', async () => {
    await store.set('a', bytes('1'), HOUR_MS);
    await server.cli('CONFIG', 'SET', 'maxmemory', '1');
    for (const call of [
      store.set('b', bytes('1')),
      store.incr('n', 1, HOUR_MS),
      store.rate('r', { limit: 1, perMs: HOUR_MS }),
    ]) {
      expect(await errorOf(call)).toMatchObject({
        code: 'ERR_KV_UNAVAILABLE',
        message: expect.stringMatching(/OOM .*raise maxmemory/),
      });
    }
    expect((await store.get('a'))?.toString()).toBe('1');
    expect(await store.windowSum('w', { perMs: 1000, slots: 1 })).toBe(0);
  });

  test('that is a replica says so', async () => {
    const replica = await startRedis({ settings: ['--replicaof', `127.0.0.1 ${server.port}`] });
    const there = openRedis(urlOf(replica));
    await connected(there);
    for (const call of [there.set('b', bytes('1')), there.incr('n', 1, HOUR_MS)]) {
      expect(await errorOf(call)).toMatchObject({
        code: 'ERR_KV_UNAVAILABLE',
        message: expect.stringMatching(/READONLY .*name the master/),
      });
    }
    expect((await there.advice()).join('\n')).toContain('this is a replica');
    await there.close();
    await replica.stop();
  });

  test('gives advice about what endangers counters, and none where nothing does', async () => {
    expect(await store.advice()).toEqual([
      expect.stringMatching(/^redis:\/\/127.*: nothing is saved to disk .* set appendonly to yes$/),
    ]);
    await server.cli('CONFIG', 'SET', 'save', '3600 1');
    expect(await store.advice()).toEqual([]);
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await store.advice()).toEqual([]);
    await server.cli('CONFIG', 'SET', 'maxmemory', '100mb');
    expect(await store.advice()).toEqual([
      expect.stringMatching(/maxmemory-policy is allkeys-lru: .* set it to noeviction$/),
    ]);
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server.cli('CONFIG', 'SET', 'save', '');
  });

  test('has users: who may not tell its set-up gives no advice, and a wrong key is an error', async () => {
    await server.cli(
      'ACL',
      'SETUSER',
      'bob',
      'on',
      '>p@ss',
      '~mine*',
      '~connected',
      '+@all',
      '-config',
      '-role',
      '-info',
    );
    const bob = openRedis(`redis://bob:p%40ss@127.0.0.1:${server.port}`);
    await connected(bob);
    expect(await bob.incr('mine', 1)).toBe(1);
    expect(await bob.advice()).toEqual([]);
    const error = await errorOf(bob.get('yours'));
    expect(error.message).toMatch(/NOPERM.*ACL SETUSER/);
    expect(error.message).not.toContain('p%40ss');
    await bob.close();
    await server.cli('ACL', 'DELUSER', 'bob');
  });

  test('that wants a password says so, and to a wrong one, and never shows it', async () => {
    const locked = await startRedis({ settings: ['--requirepass', 'open'] });
    const without = openRedis(urlOf(locked));
    expect((await errorInTheEnd(without, 'NOAUTH')).message).toMatch(
      /write the password into the URL/,
    );
    await without.close();
    const wrong = openRedis(`redis://:secret@127.0.0.1:${locked.port}`);
    const error = await errorInTheEnd(wrong, 'WRONGPASS');
    expect(error.message).toMatch(/correct the name or password/);
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain('secret');
    await wrong.close();
    const right = openRedis(`redis://:open@127.0.0.1:${locked.port}/3`);
    await connected(right);
    await right.set('a', bytes('x'));
    expect(await locked.cli('-a', 'open', '-n', '3', 'GET', 'a')).toContain('x');
    await right.close();
    await locked.stop();
  });

  test('without the database that was named is not used at all', async () => {
    const elsewhere = openRedis(`${urlOf(server)}/99`);
    for (let round = 0; round < 5; round++) await errorOf(elsewhere.set('a', bytes('x')));
    expect((await errorInTheEnd(elsewhere, 'DB index')).code).toBe('ERR_KV_UNAVAILABLE');
    expect(await server.cli('EXISTS', 'a')).toBe('0');
    await elsewhere.close();
  });

  test('is reached by its Unix socket', async () => {
    const near = openRedis(`redis+unix://${join(server.directory, 'redis.sock')}?db=2`);
    await connected(near);
    await near.set('a', bytes('x'));
    expect(await server.cli('-n', '2', 'GET', 'a')).toBe('x');
    await near.close();
  });

  test('is reached by TLS, where its certificate is trusted', async () => {
    const folder = await temporaryDirectory('postern-tls-');
    const tls = await makeCertificate(folder.path);
    const secure = await startRedis({ tls });
    const { readFile } = await import('node:fs/promises');
    const ca = await readFile(tls.ca, 'utf8');
    const url = `rediss://localhost:${secure.port}`;
    const trusting = openRedis(url, { ca });
    await connected(trusting);
    expect(await trusting.incr('n', 1)).toBe(1);
    await trusting.close();
    const wary = openRedis(url);
    expect((await errorInTheEnd(wary, 'self-signed')).code).toBe('ERR_KV_UNAVAILABLE');
    await wary.close();
    await secure.stop();
    await folder.remove();
  });

  test('that stops answering is not sent calls without end', async () => {
    const few = openRedis(urlOf(server), { maxPending: 20, silenceMs: 500 });
    await connected(few);
    process.kill(server.pid, 'SIGSTOP');
    try {
      const errors = await Promise.all(Array.from({ length: 100 }, () => errorOf(few.get('a'))));
      const full = errors.filter(({ message }) => message.includes('20 calls wait'));
      expect(full).toHaveLength(80);
      expect(errors[0]!.message).toMatch(/no answer in 500 ms.*may have happened or not/);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await few.close();
  });

  test('is let go by a close that waits for what is under way', async () => {
    await store.incr('n', 1);
    const sums = Promise.all(Array.from({ length: 50 }, () => store.incr('n', 1)));
    await store.close();
    expect((await sums).at(-1)).toBe(51);
    expect(await errorOf(store.get('n'))).toMatchObject({ message: 'the store is closed' });
    await pollFor(
      async () => !(await server.cli('CLIENT', 'LIST')).includes('postern') || undefined,
      {
        timeoutMs: 2000,
        failure: () => 'a connection is left',
      },
    );
  });
});
