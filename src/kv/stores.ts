/** All stores of a server by their names, and groups of them. */

import type { KvConfig } from '../config/config.ts';
import { parseKvUrl, shownKvUrl } from '../config/kv-url.ts';
import { shownName, suggestion } from '../config/nearest.ts';
import { KvError } from './errors.ts';
import { openStore } from './open.ts';
import type { Store } from './store.ts';
import { type StoreObserver, WatchedStore } from './watched-store.ts';

/** The name of the store that `kv` means without another. */
const DEFAULT = 'default';

export interface OpenStoresOptions {
  /** What paths in URLs are relative to, absolute. */
  readonly cwd: string;
  /** How long a store may take for one call. */
  readonly budgetMs: number;
  /** The observer of a store; `title` says which it is: `fleet (redis://10.0.0.5:6379/0)`. */
  readonly observe: (name: string, title: string) => StoreObserver;
}

export class Stores {
  readonly #stores: ReadonlyMap<string, Store>;
  readonly #groups: KvConfig['groups'];

  constructor(stores: ReadonlyMap<string, Store>, groups: KvConfig['groups'] = {}) {
    this.#stores = stores;
    this.#groups = groups;
  }

  /** Opens all of them; rejects with {@link KvError} when one cannot be opened. */
  static async open(config: KvConfig, options: OpenStoresOptions): Promise<Stores> {
    const stores = new Map<string, Store>();
    try {
      for (const [name, url] of Object.entries({ [DEFAULT]: config.default, ...config.stores })) {
        const title = `${name} (${shownUrl(url, options.cwd)})`;
        const store = await openStore(url, { cwd: options.cwd });
        const observer = options.observe(name, title);
        stores.set(name, new WatchedStore(store, { title, budgetMs: options.budgetMs, observer }));
      }
    } catch (error) {
      await Promise.all([...stores.values()].map((store) => store.close()));
      throw error;
    }
    return new Stores(stores, config.groups);
  }

  get names(): readonly string[] {
    return [...this.#stores.keys()];
  }

  /** The store of this name; without one the default. Throws {@link KvError}. */
  store(name: string = DEFAULT): Store {
    const store = this.#stores.get(name);
    if (store) return store;
    throw unknown('store', name, this.names, 'kv.stores');
  }

  /** The stores of this group by their names. Throws {@link KvError}. */
  group(name: string): ReadonlyMap<string, Store> {
    const members = Object.hasOwn(this.#groups, name) ? this.#groups[name] : undefined;
    if (!members) throw unknown('group of stores', name, Object.keys(this.#groups), 'kv.groups');
    return new Map(members.map((member) => [member, this.store(member)]));
  }

  /** What endangers what is kept, by the names of the stores; those that do not answer say nothing. */
  async advice(): Promise<ReadonlyMap<string, readonly string[]>> {
    const advice = [...this.#stores].map(
      async ([name, store]) => [name, (await store.advice?.().catch(() => [])) ?? []] as const,
    );
    return new Map(await Promise.all(advice));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#stores.values()].map((store) => store.close()));
  }
}

/** A store URL for logs: without its password. */
export function shownUrl(url: string, cwd: string): string {
  const parsed = parseKvUrl(url, cwd);
  return 'mistake' in parsed ? '?' : shownKvUrl(parsed);
}

function unknown(what: string, name: string, names: readonly string[], key: string): KvError {
  const there = names.length === 0 ? 'there is none' : `there are: ${names.join(', ')}`;
  const hint = suggestion(name, names) || `; ${there}`;
  return new KvError(
    'ERR_KV_ARGUMENT',
    `there is no ${what} named '${shownName(name)}'${hint}; they are named in ${key} of the configuration`,
  );
}
