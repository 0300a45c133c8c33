/** A store in the memory of one process, for tests and for servers with a single worker. */

import { formatCursor, parseCursor } from './cursor.ts';
import { type Entry, isExpired, type Step } from './entry.ts';
import { type Entries, type EntryPage, EntryStore } from './entry-store.ts';
import { KvError } from './errors.ts';
import type { PageOrder, StoreOptions } from './store.ts';
import { SWEEP_BATCH, Sweeper } from './sweeper.ts';

export class MemoryStore extends EntryStore {
  readonly #entries: MemoryEntries;

  constructor(options: StoreOptions = {}) {
    const { now = Date.now } = options;
    const entries = new MemoryEntries(now, options.sweepEveryMs);
    super(entries, now);
    this.#entries = entries;
  }

  /** Entries that take up room, expired ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Removes the expired ones of the next few entries; tells whether there are more to look at. */
  sweep(): Promise<boolean> {
    return this.#entries.sweep();
  }
}

class MemoryEntries implements Entries {
  readonly kind = 'memory';
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #sweeper: Sweeper;
  /** Where the next batch goes on: a Map's iterator stands changes to the Map. */
  #place = this.#entries.entries();
  #closed = false;

  constructor(now: () => number, sweepEveryMs: number | undefined) {
    this.#now = now;
    this.#sweeper = new Sweeper(() => this.sweep(), sweepEveryMs);
  }

  get size(): number {
    return this.#entries.size;
  }

  async read(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    const entry = this.#entries.get(key);
    return entry && { ...entry, value: Buffer.from(entry.value) };
  }

  async change<Answer>(
    key: string,
    change: (entry: Entry | undefined) => Step<Answer>,
  ): Promise<Answer> {
    this.#checkOpen();
    const { answer, entry } = change(this.#entries.get(key));
    if (entry === null) this.#entries.delete(key);
    else if (entry !== undefined) this.#entries.set(key, entry);
    return answer;
  }

  async list(prefix: string, { limit, cursor }: PageOrder): Promise<EntryPage> {
    this.#checkOpen();
    const last = cursor === undefined ? '' : parseCursor(cursor, prefix).toString('utf8');
    // In the order of their keys, so that a cursor means something when others came or went.
    const keys = [...this.#entries.keys()]
      .filter((key) => key.startsWith(prefix) && key > last)
      .sort();
    const page = keys.slice(0, limit);
    return {
      entries: page.map((key) => [key, this.#entries.get(key)!]),
      ...(keys.length > limit && { next: formatCursor(Buffer.from(page.at(-1)!)) }),
    };
  }

  async sweep(): Promise<boolean> {
    const now = this.#now();
    for (let looked = 0; looked < SWEEP_BATCH; looked++) {
      const next = this.#place.next();
      if (next.done) {
        this.#place = this.#entries.entries();
        return false;
      }
      const [key, entry] = next.value;
      if (isExpired(entry, now)) this.#entries.delete(key);
    }
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sweeper.stop();
    this.#entries.clear();
  }

  #checkOpen(): void {
    if (this.#closed) throw new KvError('ERR_KV_UNAVAILABLE', 'the store is closed');
  }
}
