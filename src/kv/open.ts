/** From a store URL to a store. */

import { parseKvUrl } from '../config/kv-url.ts';
import { KvError } from './errors.ts';
import { LmdbStore } from './lmdb.ts';
import { MemoryStore } from './memory.ts';
import type { Store, StoreOptions } from './store.ts';

export interface OpenStoreOptions extends StoreOptions {
  /** What a path in the URL is relative to, absolute. */
  readonly cwd: string;
}

/**
 * Opens the store that a URL names: `lmdb:./folder` or `memory:`. Rejects with
 * {@link KvError} `ERR_KV_UNAVAILABLE` that says what is wrong with the URL or the folder.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<Store> {
  const parsed = parseKvUrl(url, options.cwd);
  if ('mistake' in parsed) throw new KvError('ERR_KV_UNAVAILABLE', parsed.mistake);
  switch (parsed.scheme) {
    case 'lmdb':
      return LmdbStore.open(parsed.path, options);
    case 'memory':
      return new MemoryStore(options);
    default:
      return parsed satisfies never;
  }
}
