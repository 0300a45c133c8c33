/** The embedded store: LMDB in a folder, shared by all processes of the machine. */

import { setTimeout } from 'node:timers/promises';
import { checkStep, counterBytes, increased } from './counter.ts';
import { KvError, reasonOf } from './errors.ts';
import {
  allEntries,
  type Entry,
  entryRow,
  expiredRows,
  expiryAt,
  expiryRow,
  isExpired,
  NEVER,
  packEntry,
  unpackEntry,
  unpackExpiryRow,
} from './lmdb-entry.ts';
import { type Environment, openEnvironment } from './lmdb-environment.ts';
import { checkTtl, checkValue, keyBytes, type Store, type StoreOptions } from './store.ts';
import { SWEEP_BATCH, Sweeper } from './sweeper.ts';

const NO_MEANING = Buffer.of(0);

/**
 * Every change is one write transaction: LMDB's lock, which holds across processes, is
 * taken before the old value is read and given back after the new one is committed. The
 * transactions that wait for it share one commit, and the waiting is done on a thread of
 * lmdb's.
 */
export class LmdbStore implements Store {
  readonly kind = 'lmdb';
  readonly #path: string;
  readonly #environment: Environment;
  readonly #now: () => number;
  readonly #sweeper: Sweeper;
  #closed = false;

  /** `path`: the folder, absolute; made if it is not there. Rejects with {@link KvError}. */
  static async open(path: string, options: StoreOptions = {}): Promise<LmdbStore> {
    return new LmdbStore(path, await openEnvironment(path), options);
  }

  private constructor(path: string, environment: Environment, options: StoreOptions) {
    this.#path = path;
    this.#environment = environment;
    this.#now = options.now ?? Date.now;
    this.#sweeper = new Sweeper(() => this.sweep(), options.sweepEveryMs);
  }

  async get(key: string): Promise<Buffer | undefined> {
    const row = entryRow(keyBytes(key));
    this.#refresh();
    return this.#live(row)?.value;
  }

  async set(key: string, value: Uint8Array, ttlMs?: number): Promise<void> {
    const row = checkedRow(key, ttlMs);
    checkValue(key, value);
    // The caller may reuse its buffer before the transaction runs.
    const own = Buffer.from(value);
    await this.#write(() => this.#put(row, own, ttlMs));
  }

  async add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean> {
    const row = checkedRow(key, ttlMs);
    checkValue(key, value);
    const own = Buffer.from(value);
    return this.#write(() => {
      if (this.#live(row)) return false;
      this.#put(row, own, ttlMs);
      return true;
    });
  }

  async incr(key: string, by: number, ttlMs?: number): Promise<number> {
    const row = checkedRow(key, ttlMs);
    checkStep(key, by);
    return this.#write(() => {
      const entry = this.#live(row);
      const sum = increased(key, entry?.value, by);
      if (entry) this.#rows.put(row, packEntry(entry.expiryMs, counterBytes(sum)));
      else this.#put(row, counterBytes(sum), ttlMs);
      return sum;
    });
  }

  async delete(key: string): Promise<boolean> {
    const row = entryRow(keyBytes(key));
    return this.#write(() => {
      const entry = this.#stored(row);
      if (!entry) return false;
      this.#removeExpiry(row, entry);
      this.#rows.remove(row);
      return !isExpired(entry, this.#now());
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#sweeper.stop();
    await this.#environment.close();
  }

  /** Entries that take up room, expired ones included. */
  get size(): number {
    this.#refresh();
    return this.#rows.getKeysCount(allEntries());
  }

  /** Removes a batch of expired entries; tells whether there are probably more. */
  async sweep(): Promise<boolean> {
    this.#refresh();
    // Mostly nothing has expired; then nobody's lock is taken.
    if (this.#expired(1).length === 0) return false;
    return this.#write(() => {
      const expired = this.#expired(SWEEP_BATCH);
      for (const packed of expired) {
        const { expiryMs, row } = unpackExpiryRow(packed);
        // They always agree; but deleting a live entry would be the one unforgivable mistake.
        if (this.#stored(row)?.expiryMs === expiryMs) this.#rows.remove(row);
        this.#rows.remove(packed);
      }
      return expired.length === SWEEP_BATCH;
    });
  }

  get #rows(): Environment['rows'] {
    return this.#environment.rows;
  }

  /**
   * Lets reads see the latest state: else they show the one of up to a millisecond ago,
   * when another process may already have told somebody of a newer one.
   */
  #refresh(): void {
    this.#checkOpen();
    this.#rows.resetReadTxn();
  }

  #expired(limit: number): Buffer[] {
    return [...this.#rows.getKeys({ ...expiredRows(this.#now()), limit })];
  }

  #stored(row: Buffer): Entry | undefined {
    const packed = this.#rows.getBinary(row);
    return packed && unpackEntry(packed);
  }

  #live(row: Buffer): Entry | undefined {
    const entry = this.#stored(row);
    return entry && !isExpired(entry, this.#now()) ? entry : undefined;
  }

  #put(row: Buffer, value: Buffer, ttlMs: number | undefined): void {
    const before = this.#stored(row);
    if (before) this.#removeExpiry(row, before);
    const expiryMs = expiryAt(this.#now(), ttlMs);
    if (expiryMs !== NEVER) this.#rows.put(expiryRow(expiryMs, row), NO_MEANING);
    this.#rows.put(row, packEntry(expiryMs, value));
  }

  #removeExpiry(row: Buffer, { expiryMs }: Entry): void {
    if (expiryMs !== NEVER) this.#rows.remove(expiryRow(expiryMs, row));
  }

  async #write<Result>(change: () => Result): Promise<Result> {
    this.#checkOpen();
    try {
      return await this.#environment.write(change);
    } catch (cause) {
      if (cause instanceof KvError) throw cause;
      const message = `cannot write to the store in ${this.#path}: ${await writeFailure(cause)}; see that its disk has room and can be written`;
      throw new KvError('ERR_KV_UNAVAILABLE', message, { cause });
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new KvError('ERR_KV_UNAVAILABLE', 'the store is closed');
  }
}

function checkedRow(key: string, ttlMs: number | undefined): Buffer {
  checkTtl(key, ttlMs);
  return entryRow(keyBytes(key));
}

/** Why a write failed: lmdb gives the reason of a failed commit as a promise in the error. */
async function writeFailure(cause: unknown): Promise<string> {
  const { commitError } = cause as { commitError?: Promise<unknown> };
  if (commitError === undefined) return reasonOf(cause);
  const given = commitError.then(() => reasonOf(cause), reasonOf);
  return Promise.race([given, setTimeout(100, reasonOf(cause))]);
}
