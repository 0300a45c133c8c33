/** The stores and groups of a configuration: their URLs, and that their names mean something. */

import type { KvConfig } from './config.ts';
import { formatKvUrl, parseKvUrl } from './kv-url.ts';
import { type Mistake, withoutLogin } from './mistakes.ts';
import { shownName, suggestion } from './nearest.ts';
import type { ParsedConfig } from './schema.ts';

export const DEFAULT_KV = 'lmdb:./data';

/** The name of the store that `kv` means without another. */
export const DEFAULT_STORE = 'default';

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const EXPECTED_NAME = "expected a name of letters, digits, '_' and '-', 64 at most";

export function resolveKv(
  parsed: ParsedConfig['kv'] = {},
  folder: string,
  mistakes: Mistake[],
): KvConfig {
  const urlOf = (path: string, url: unknown): string => {
    const meaning = parseKvUrl(url, folder);
    if (!('mistake' in meaning)) return formatKvUrl(meaning);
    mistakes.push({ path, message: meaning.mistake });
    return '';
  };
  const stores: Record<string, string> = {};
  for (const [name, url] of Object.entries(parsed.stores ?? {})) {
    const path = `kv.stores.${withoutLogin(name)}`;
    if (!NAME.test(name)) mistakes.push({ path, message: EXPECTED_NAME });
    if (name === DEFAULT_STORE)
      mistakes.push({ path, message: "'default' is the store of kv.default; name it there" });
    stores[name] = urlOf(path, url);
  }
  const names = [DEFAULT_STORE, ...Object.keys(stores)];
  const groups: Record<string, readonly string[]> = {};
  for (const [name, members] of Object.entries(parsed.groups ?? {})) {
    const path = `kv.groups.${withoutLogin(name)}`;
    if (!NAME.test(name)) mistakes.push({ path, message: EXPECTED_NAME });
    members.forEach((member, index) => {
      if (names.includes(member)) return;
      const hint = suggestion(member, names) || `; there are: ${names.join(', ')}`;
      mistakes.push({
        path: `${path}[${index}]`,
        message: `there is no store named '${shownName(withoutLogin(member))}'${withoutLogin(hint)}`,
      });
    });
    groups[name] = [...new Set(members)];
  }
  return { default: urlOf('kv.default', parsed.default ?? DEFAULT_KV), stores, groups };
}

/** `memory:` belongs to one process: with two workers it would count the same thing apart. */
export function checkMemoryStores(kv: KvConfig, workers: number, mistakes: Mistake[]): void {
  if (workers === 1) return;
  const message = `'memory:' cannot be shared by ${workers} workers; use 'lmdb:./data', or workers: 1`;
  if (kv.default === 'memory:') mistakes.push({ path: 'kv.default', message });
  for (const [name, url] of Object.entries(kv.stores))
    if (url === 'memory:') mistakes.push({ path: `kv.stores.${name}`, message });
}

/** Whether a store of this configuration belongs to one process. */
export function hasMemoryStore(kv: KvConfig): boolean {
  return [kv.default, ...Object.values(kv.stores)].includes('memory:');
}
