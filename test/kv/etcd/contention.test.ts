import { EtcdStore } from '../../../src/kv/etcd/etcd.ts';
import { type EtcdServer, startEtcd } from '../../harness/etcd.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeContention } from '../contention.ts';
import { etcdUrl } from './server.ts';

describeWith(['etcd'], 'stores on one etcd', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server?.stop());

  describeContention(() => {
    const url = etcdUrl(server);
    return () => new EtcdStore(url);
  });

  test('fifty changes at once are a few requests', async () => {
    const requests = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
      const started = metrics.matchAll(
        /^grpc_server_started_total\{grpc_method="(?:Txn|Range)".*\} (\d+)$/gm,
      );
      return [...started].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const store = new EtcdStore(etcdUrl(server));
    await store.get('connected');
    const before = await requests();
    expect(before).toBeGreaterThan(0);
    await Promise.all(Array.from({ length: 50 }, () => store.incr('n', 1)));
    // A read, the first change, all others.
    expect((await requests()) - before).toBe(3);
    await store.close();
  });
});
