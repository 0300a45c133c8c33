/** From a store URL to a store. */

import { parseKvUrl } from '../config/kv-url.ts';
import { KvError } from './errors.ts';
import type { Store, StoreOptions } from './store.ts';

export interface OpenStoreOptions extends StoreOptions {
  /** What a path in the URL is relative to, absolute. */
  readonly cwd: string;
}

/**
 * Opens the store that a URL names. Rejects with {@link KvError} `ERR_KV_UNAVAILABLE` that
 * says what is wrong with the URL or the folder. A store on the network need not be there:
 * it connects when it can, and its calls fail until then.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<Store> {
  const parsed = parseKvUrl(url, options.cwd);
  if ('mistake' in parsed) throw new KvError('ERR_KV_UNAVAILABLE', parsed.mistake);
  // Only the clients that are used are loaded: each takes memory and time.
  switch (parsed.scheme) {
    case 'lmdb': {
      const { LmdbStore } = await import('./lmdb/lmdb.ts');
      return LmdbStore.open(parsed.path, options);
    }
    case 'memory': {
      const { MemoryStore } = await import('./memory.ts');
      return new MemoryStore(options);
    }
    case 'redis': {
      const { RedisStore } = await import('./redis/redis.ts');
      return new RedisStore(parsed);
    }
    case 'etcd': {
      const { EtcdStore } = await import('./etcd/etcd.ts');
      return new EtcdStore(parsed, options);
    }
    case 'memcached': {
      const { MemcachedStore } = await import('./memcached/memcached.ts');
      return new MemcachedStore(parsed, options);
    }
    default:
      return parsed satisfies never;
  }
}
