import { type RedisServer, startRedis } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeStore } from '../suite/store-suite.ts';
import { openRedis, urlOf } from './store.ts';

describeWith(['redis-server'], 'a single Redis', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ clock: true });
  });
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
});
