import { randomUUID } from 'node:crypto';
import { EtcdStore } from '../../../src/kv/etcd/etcd.ts';
import { type EtcdServer, startEtcd } from '../../harness/etcd.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeStore } from '../suite/store-suite.ts';
import { etcdUrl } from './server.ts';

describeWith(['etcd'], 'on a real etcd', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server?.stop());

  describeStore({
    kind: 'etcd',
    grainMs: 1,
    async open() {
      let nowMs = 1_700_000_000_000;
      const store = new EtcdStore(etcdUrl(server), { now: () => nowMs });
      const advance = async (ms: number) => {
        nowMs += ms;
      };
      return { store, advance, close: () => store.close() };
    },
    shared: async () => ({
      url: `etcd://127.0.0.1:${server.port}/${randomUUID()}/`,
      close: async () => {},
    }),
  });
});
