import { KvError } from '../../../src/kv/errors.ts';
import { type RedisCluster, startRedisCluster } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { pollFor } from '../../harness/waiting.ts';
import { describeStore } from '../suite/store-suite.ts';
import { closeStores, openRedis } from './store.ts';

describeWith(['redis-server'], 'a Redis Cluster', () => {
  let cluster: RedisCluster;

  afterEach(closeStores);
  beforeAll(async () => {
    cluster = await startRedisCluster({ clock: true });
  }, 60_000);
  afterAll(() => cluster?.stop());

  // One node is enough to find the others.
  const url = () => `redis+cluster://127.0.0.1:${cluster.nodes[0]!.port}`;
  const flush = () => Promise.all(cluster.nodes.map((node) => node.cli('FLUSHALL')));

  describeStore({
    kind: 'redis',
    grainMs: 5000,
    async open() {
      await flush();
      const store = openRedis(url());
      return { store, advance: (ms) => cluster.advance(ms), close: () => store.close() };
    },
    async shared() {
      await flush();
      return { url: url(), close: async () => {} };
    },
  });

  test('keeps keys on all its nodes', async () => {
    await flush();
    const store = openRedis(url());
    await Promise.all(Array.from({ length: 60 }, (_, n) => store.incr(`k${n}`, 1)));
    for (const node of cluster.nodes) expect(Number(await node.cli('DBSIZE'))).toBeGreaterThan(5);
    await store.close();
  });

  test('refuses a cursor that is none, and one of a node that has left', async () => {
    const store = openRedis(url());
    await expect(store.scan('', { limit: 5, cursor: 'x' })).rejects.toMatchObject({
      code: 'ERR_KV_ARGUMENT',
    });
    await expect(store.scan('', { limit: 5, cursor: '10.0.0.1:6379:7' })).rejects.toMatchObject({
      code: 'ERR_KV_ARGUMENT',
      message: expect.stringMatching(
        /'10\.0\.0\.1:6379', which is no master.*begin the scan again/,
      ),
    });
    await store.close();
  });

  test('follows a slot that moves to another node, while it is used', async () => {
    await flush();
    const store = openRedis(url());
    const slot = await cluster.nodes[0]!.cli('CLUSTER', 'KEYSLOT', 'moving');
    const ids = await Promise.all(cluster.nodes.map((node) => node.cli('CLUSTER', 'MYID')));
    expect(await store.incr('moving', 1, 600_000)).toBe(1);
    const sizes = await Promise.all(
      cluster.nodes.map((node) => node.cli('CLUSTER', 'COUNTKEYSINSLOT', slot)),
    );
    const from = sizes.indexOf('1');
    const to = (from + 1) % 3;
    const [source, target] = [cluster.nodes[from]!, cluster.nodes[to]!];
    await target.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from]!);
    await source.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to]!);
    expect(await store.incr('moving', 1)).toBe(2);
    await source.cli('MIGRATE', '127.0.0.1', `${target.port}`, 'moving', '0', '5000');
    // The source says ASK now.
    expect(await store.incr('moving', 1)).toBe(3);
    for (const node of [target, source]) {
      await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to]!);
    }
    // And now MOVED.
    const sums = await Promise.all(Array.from({ length: 20 }, () => store.incr('moving', 1)));
    expect(Math.max(...sums)).toBe(23);
    expect(await store.ttl('moving')).toBeGreaterThan(500_000);
    await store.close();
  });

  test('works again by itself when a node that was killed is back, and the others meanwhile', async () => {
    await flush();
    const store = openRedis(url());
    const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
    const outcomes = () =>
      Promise.all(
        keys.map((key) =>
          store.incr(key, 1, 600_000).then(
            () => 'ok',
            (error: unknown) => (error instanceof KvError ? error.code : String(error)),
          ),
        ),
      );
    expect(new Set(await outcomes())).toEqual(new Set(['ok']));
    const last = cluster.nodes[2]!;
    await last.kill();
    for (let round = 0; round < 5; round++) {
      const seen = await outcomes();
      expect(new Set(seen)).toEqual(new Set(['ok', 'ERR_KV_UNAVAILABLE']));
      expect(seen.filter((each) => each === 'ok').length).toBeGreaterThan(20);
    }
    await last.restart();
    await pollFor(async () => (await outcomes()).every((each) => each === 'ok') || undefined, {
      timeoutMs: 10_000,
      failure: () => 'the node is not used again',
    });
    await store.close();
  }, 60_000);
});
