import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { EtcdStore } from '../../../src/kv/etcd/etcd.ts';
import { type EtcdServer, startEtcd } from '../../harness/etcd.ts';
import { freePort } from '../../harness/ports.ts';
import { describeWith } from '../../harness/requirements.ts';
import { pollFor } from '../../harness/waiting.ts';
import { etcdUrl } from './server.ts';

const X = Buffer.from('x');

describeWith(['etcd'], 'a store on several etcd servers', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server?.stop());

  const open = (...ports: readonly number[]) => {
    const hosts = ports.map((port) => ({ host: '127.0.0.1', port }));
    return new EtcdStore({ ...etcdUrl(server), hosts });
  };

  test('uses the one that is there', async () => {
    const store = open(await freePort(), server.port);
    for (let n = 0; n < 20; n++) await store.set(`k${n}`, X, 60_000);
    expect((await store.scan('', { limit: 50 })).entries).toHaveLength(20);
    await store.close();
  });

  test('uses the one that answers', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const store = open((silent.address() as AddressInfo).port, server.port);
    for (let n = 0; n < 20; n++) await store.set(`k${n}`, X, 60_000);
    await store.close();
    silent.close();
  });

  test('goes on with another one when the one that it uses is gone or hangs', async () => {
    // Not one cluster, which would need a third: whoever answers will do.
    const other = await startEtcd();
    const works = (store: EtcdStore) =>
      pollFor(
        () =>
          store.set('a', X).then(
            () => true,
            () => undefined,
          ),
        {
          timeoutMs: 6000,
          failure: () => 'the store does not use the other one',
        },
      );
    const store = open(other.port, server.port);
    await works(store);
    await other.kill();
    await works(store);
    await other.restart();
    server.pause();
    try {
      await works(store);
    } finally {
      server.resume();
    }
    await store.close();
    await other.stop();
  });
});
