import { MemcachedStore } from '../../../src/kv/memcached/memcached.ts';
import { type MemcachedServer, startMemcached } from '../../harness/memcached.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeStore } from '../suite/store-suite.ts';
import { memcachedUrl } from './server.ts';

describeWith(['memcached'], 'on a real memcached', () => {
  const servers: MemcachedServer[] = [];
  let server: MemcachedServer;
  const emptyServer = async () => {
    const started = await startMemcached();
    servers.push(started);
    return started;
  };
  beforeAll(async () => {
    server = await emptyServer();
  });
  afterAll(() => Promise.all(servers.map((each) => each.stop())));

  describeStore({
    kind: 'memcached',
    grainMs: 1,
    // 1 MB less what memcached needs for itself, and the key.
    maxValueBytes: 1024 ** 2 - 512,
    cannotScan: true,
    async open() {
      await server.flush();
      let nowMs = 1_700_000_000_000;
      const store = new MemcachedStore(memcachedUrl(server), { now: () => nowMs });
      const advance = async (ms: number) => {
        nowMs += ms;
      };
      return { store, advance, close: () => store.close() };
    },
    async shared() {
      const { port, stop } = await emptyServer();
      return { url: `memcached://127.0.0.1:${port}`, close: stop };
    },
  });
});
