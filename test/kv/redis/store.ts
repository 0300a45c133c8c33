/** Redis servers of the harness as stores. */

import { parseKvUrl, type RedisUrl } from '../../../src/config/kv-url.ts';
import { type RedisOptions, RedisStore } from '../../../src/kv/redis/redis.ts';
import { pollFor } from '../../harness/waiting.ts';

export const urlOf = ({ port }: { readonly port: number }) => `redis://127.0.0.1:${port}`;

export function redisUrl(url: string): RedisUrl {
  const parsed = parseKvUrl(url, '/');
  if ('mistake' in parsed || parsed.scheme !== 'redis') throw new Error(`no Redis URL: ${url}`);
  return parsed;
}

const opened = new Set<RedisStore>();

export function openRedis(url: string, options?: RedisOptions): RedisStore {
  const store = new RedisStore(redisUrl(url), options);
  opened.add(store);
  return store;
}

/** Closes all that were opened, also by tests that have failed. */
export async function closeStores(): Promise<void> {
  for (const store of opened) await store.close();
  opened.clear();
}

/** When the store can be used. */
export const connected = (store: RedisStore) =>
  pollFor(
    () =>
      store.has('connected').then(
        () => true,
        () => undefined,
      ),
    { timeoutMs: 5000, failure: () => 'the store does not connect' },
  );
