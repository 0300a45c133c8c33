import { MemcachedStore } from '../../../src/kv/memcached/memcached.ts';
import { type MemcachedServer, startMemcached } from '../../harness/memcached.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeContention } from '../contention.ts';
import { memcachedUrl } from './server.ts';

describeWith(['memcached'], 'stores on one memcached', () => {
  let server: MemcachedServer;
  beforeAll(async () => {
    server = await startMemcached();
  });
  afterAll(() => server?.stop());
  beforeEach(() => server.flush());

  describeContention(() => () => new MemcachedStore(memcachedUrl(server)));

  test('fifty changes at once are a few requests', async () => {
    const store = new MemcachedStore(memcachedUrl(server));
    await store.get('connected');
    const requests = async () => (await server.stat('cmd_get')) + (await server.stat('cmd_set'));
    const before = await requests();
    await Promise.all(Array.from({ length: 50 }, () => store.incr('n', 1)));
    // A read, the first change, all others.
    expect((await requests()) - before).toBe(3);
    await store.close();
  });
});
