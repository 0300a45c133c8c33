/** The stores as `postern kv` opens them: one at a time, and never a new one. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { KvConfig } from '../config/config.ts';
import { parseKvUrl } from '../config/kv-url.ts';
import { shownName, suggestion } from '../config/nearest.ts';
import { KvError } from '../kv/errors.ts';
import { openStore } from '../kv/open.ts';
import type { Store } from '../kv/store.ts';
import { shownUrl } from '../kv/stores.ts';
import { WatchedStore } from '../kv/watched-store.ts';

/** A person waits longer than a filter. */
const BUDGET_MS = 5000;

/** Opens the store of this name; rejects with KvError when it is not there. */
export async function openNamed(kv: KvConfig, name: string, folder: string): Promise<Store> {
  const urls: Readonly<Record<string, string>> = { ...kv.stores, default: kv.default };
  const url = Object.hasOwn(urls, name) ? urls[name]! : undefined;
  if (url === undefined) {
    const names = [...Object.keys(urls), ...Object.keys(kv.groups)];
    const hint = suggestion(name, names) || `; there are: ${names.join(', ')}`;
    throw new KvError(
      'ERR_KV_ARGUMENT',
      `--store: there is no store named '${shownName(name)}'${hint}`,
    );
  }
  const parsed = parseKvUrl(url, folder);
  const scheme = 'mistake' in parsed ? undefined : parsed.scheme;
  if (scheme === 'memory')
    throw new KvError(
      'ERR_KV_UNAVAILABLE',
      "the store 'memory:' is inside the server and cannot be seen from here; use 'lmdb:./data'",
    );
  // Opening would make an empty one, where somebody is in the wrong folder.
  if (
    !('mistake' in parsed) &&
    parsed.scheme === 'lmdb' &&
    !existsSync(join(parsed.path, 'data.mdb'))
  )
    throw new KvError(
      'ERR_KV_UNAVAILABLE',
      `there is no store in ${parsed.path}; name the configuration with -c, or the store with --kv`,
    );
  const title = `${name} (${shownUrl(url, folder)})`;
  const observer = { called: () => {}, down: () => {}, up: () => {} };
  const store = await openStore(url, { cwd: folder, sweepEveryMs: 0 });
  return new WatchedStore(store, { title, budgetMs: BUDGET_MS, observer });
}
