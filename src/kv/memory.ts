/** A store in the memory of one process, for tests and for servers with a single worker. */

import { checkStep, counterBytes, increased } from './counter.ts';
import { KvError } from './errors.ts';
import { checkTtl, checkValue, keyBytes, type Store, type StoreOptions } from './store.ts';
import { SWEEP_BATCH, Sweeper } from './sweeper.ts';

interface Entry {
  readonly value: Buffer;
  /** Milliseconds since 1970; infinite: never. */
  readonly expiresAtMs: number;
}

export class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #sweeper: Sweeper;
  /** Where the next batch goes on: a Map's iterator stands changes to the Map. */
  #place = this.#entries.entries();
  #closed = false;

  constructor(options: StoreOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.#sweeper = new Sweeper(() => this.sweep(), options.sweepEveryMs);
  }

  async get(key: string): Promise<Buffer | undefined> {
    this.#check(key);
    const entry = this.#live(key);
    return entry && Buffer.from(entry.value);
  }

  async set(key: string, value: Uint8Array, ttlMs?: number): Promise<void> {
    this.#check(key, ttlMs);
    checkValue(key, value);
    this.#put(key, Buffer.from(value), ttlMs);
  }

  async add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean> {
    this.#check(key, ttlMs);
    checkValue(key, value);
    if (this.#live(key)) return false;
    this.#put(key, Buffer.from(value), ttlMs);
    return true;
  }

  async incr(key: string, by: number, ttlMs?: number): Promise<number> {
    this.#check(key, ttlMs);
    checkStep(key, by);
    const entry = this.#live(key);
    const sum = increased(key, entry?.value, by);
    if (entry) this.#entries.set(key, { ...entry, value: counterBytes(sum) });
    else this.#put(key, counterBytes(sum), ttlMs);
    return sum;
  }

  async delete(key: string): Promise<boolean> {
    this.#check(key);
    const was = this.#live(key) !== undefined;
    this.#entries.delete(key);
    return was;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sweeper.stop();
    this.#entries.clear();
  }

  /** Entries that take up room, expired ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Removes the expired ones of the next few entries; tells whether there are more to look at. */
  async sweep(): Promise<boolean> {
    const now = this.#now();
    for (let looked = 0; looked < SWEEP_BATCH; looked++) {
      const next = this.#place.next();
      if (next.done) {
        this.#place = this.#entries.entries();
        return false;
      }
      const [key, { expiresAtMs }] = next.value;
      if (expiresAtMs <= now) this.#entries.delete(key);
    }
    return true;
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.expiresAtMs > this.#now() ? entry : undefined;
  }

  #put(key: string, value: Buffer, ttlMs: number | undefined): void {
    const expiresAtMs = ttlMs === undefined ? Number.POSITIVE_INFINITY : this.#now() + ttlMs;
    this.#entries.set(key, { value, expiresAtMs });
  }

  #check(key: string, ttlMs?: number): void {
    if (this.#closed) throw new KvError('ERR_KV_UNAVAILABLE', 'the store is closed');
    keyBytes(key);
    checkTtl(key, ttlMs);
  }
}
