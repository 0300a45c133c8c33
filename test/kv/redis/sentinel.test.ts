import { type RedisSentinel, startRedisSentinel } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { pollFor } from '../../harness/waiting.ts';
import { closeStores, openRedis } from './store.ts';

describeWith(['redis-server'], 'a Redis behind a sentinel', () => {
  let set: RedisSentinel;

  afterEach(closeStores);
  beforeAll(async () => {
    set = await startRedisSentinel();
  }, 60_000);
  afterAll(() => set?.stop());

  test('is not found by another name than its own, which the error says', async () => {
    const store = openRedis(`redis+sentinel://127.0.0.1:${set.port}/other`);
    const error = await pollFor(
      async () => {
        const reason: Error = await store.get('a').then(
          () => new Error('answered'),
          (each) => each,
        );
        return reason.message.includes('No such master') ? reason : undefined;
      },
      { timeoutMs: 5000, failure: () => 'no such error' },
    );
    expect(error).toMatchObject({
      code: 'ERR_KV_UNAVAILABLE',
      message: expect.stringContaining(
        `redis+sentinel://127.0.0.1:${set.port}/other/0: not connected`,
      ),
    });
    await store.close();
  });

  test('is used at its master, and goes on after that was killed', async () => {
    const store = openRedis(`redis+sentinel://127.0.0.1:${set.port}/mymaster`);
    await pollFor(
      () =>
        store.set('a', Buffer.from('x')).then(
          () => true,
          () => undefined,
        ),
      {
        timeoutMs: 5000,
        failure: () => 'the master is not found',
      },
    );
    expect(await store.incr('n', 5, 600_000)).toBe(5);
    expect(await set.master.cli('GET', 'n')).toBe('5');
    expect(await set.master.cli('WAIT', '1', '5000')).toBe('1');
    await set.master.kill();
    await expect(store.incr('n', 1)).rejects.toMatchObject({ code: 'ERR_KV_UNAVAILABLE' });
    const sum = await pollFor(
      () =>
        store.incr('n', 1).then(
          (each) => each,
          () => undefined,
        ),
      {
        timeoutMs: 20_000,
        failure: () => 'the replica has not become the master',
      },
    );
    expect(sum).toBe(6);
    expect(await set.replica.cli('GET', 'n')).toBe('6');
    expect(await store.ttl('n')).toBeGreaterThan(500_000);
    await store.close();
  }, 60_000);
});
