/** The embedded store: LMDB in a folder, shared by all processes of the machine. */

import { setTimeout } from 'node:timers/promises';
import { checkStep, counterBytes, increased } from './counter.ts';
import { KvError, reasonOf } from './errors.ts';
import {
  type Entry,
  expiryAt,
  firstUnexpired,
  isExpired,
  NEVER,
  packEntry,
  packExpiry,
  unpackEntry,
  unpackExpiry,
} from './lmdb-entry.ts';
import { type Environment, openEnvironment, type Table } from './lmdb-open.ts';
import { checkTtl, checkValue, keyBytes, type Store, type StoreOptions } from './store.ts';
import { SWEEP_BATCH, Sweeper } from './sweeper.ts';

const MARK = Buffer.of(0);

/**
 * Every change is one write transaction: LMDB's lock, which holds across processes, is
 * taken before the old value is read and given back after the new one is committed. The
 * transactions of one turn of the event loop share one commit, and waiting for the lock
 * is done on a thread of lmdb's.
 */
export class LmdbStore implements Store {
  readonly kind = 'lmdb';
  readonly #path: string;
  readonly #root: Environment['root'];
  readonly #entries: Table;
  readonly #expiries: Table;
  readonly #now: () => number;
  readonly #sweeper: Sweeper;
  #closed = false;

  /** `path`: the folder, absolute; made if it is not there. Throws {@link KvError}. */
  constructor(path: string, options: StoreOptions = {}) {
    this.#path = path;
    this.#now = options.now ?? Date.now;
    const { root, entries, expiries } = openEnvironment(path);
    this.#root = root;
    this.#entries = entries;
    this.#expiries = expiries;
    this.#sweeper = new Sweeper(() => this.sweep(), options.sweepEveryMs);
  }

  async get(key: string): Promise<Buffer | undefined> {
    const name = keyBytes(key);
    this.#checkOpen();
    // Else a read shows the state of up to a millisecond ago, when another process may
    // already have told somebody of a newer one.
    this.#entries.resetReadTxn();
    return this.#live(name)?.value;
  }

  async set(key: string, value: Uint8Array, ttlMs?: number): Promise<void> {
    const name = checked(key, ttlMs);
    checkValue(key, value);
    // The caller may reuse its buffer before the transaction runs.
    const own = Buffer.from(value);
    await this.#write(() => this.#put(name, own, ttlMs));
  }

  async add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean> {
    const name = checked(key, ttlMs);
    checkValue(key, value);
    const own = Buffer.from(value);
    return this.#write(() => {
      if (this.#live(name)) return false;
      this.#put(name, own, ttlMs);
      return true;
    });
  }

  async incr(key: string, by: number, ttlMs?: number): Promise<number> {
    const name = checked(key, ttlMs);
    checkStep(key, by);
    return this.#write(() => {
      const entry = this.#live(name);
      const sum = increased(key, entry?.value, by);
      if (entry) this.#entries.put(name, packEntry(entry.expiryMs, counterBytes(sum)));
      else this.#put(name, counterBytes(sum), ttlMs);
      return sum;
    });
  }

  async delete(key: string): Promise<boolean> {
    const name = keyBytes(key);
    return this.#write(() => {
      const entry = this.#stored(name);
      if (!entry) return false;
      this.#forgetExpiry(name, entry);
      this.#entries.remove(name);
      return !isExpired(entry, this.#now());
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#sweeper.stop();
    await this.#root.close();
  }

  /** Entries that take up room, expired ones included. */
  get size(): number {
    this.#entries.resetReadTxn();
    return this.#entries.getCount();
  }

  /** Removes a batch of expired entries; tells whether there are probably more. */
  async sweep(): Promise<boolean> {
    this.#expiries.resetReadTxn();
    // Mostly nothing has expired; then nobody's lock is taken.
    if (this.#expired(1).length === 0) return false;
    return this.#write(() => {
      const expired = this.#expired(SWEEP_BATCH);
      for (const packed of expired) {
        const { expiryMs, key } = unpackExpiry(packed);
        // After a crash between two writes of a transaction nothing of it exists, so this
        // always matches; but deleting a live entry would be the one unforgivable mistake.
        if (this.#stored(key)?.expiryMs === expiryMs) this.#entries.remove(key);
        this.#expiries.remove(packed);
      }
      return expired.length === SWEEP_BATCH;
    });
  }

  #expired(limit: number): Buffer[] {
    return [...this.#expiries.getKeys({ end: firstUnexpired(this.#now()), limit })];
  }

  #stored(name: Buffer): Entry | undefined {
    const packed = this.#entries.getBinary(name);
    return packed && unpackEntry(packed);
  }

  #live(name: Buffer): Entry | undefined {
    const entry = this.#stored(name);
    return entry && !isExpired(entry, this.#now()) ? entry : undefined;
  }

  #put(name: Buffer, value: Buffer, ttlMs: number | undefined): void {
    const before = this.#stored(name);
    if (before) this.#forgetExpiry(name, before);
    const expiryMs = expiryAt(this.#now(), ttlMs);
    if (expiryMs !== NEVER) this.#expiries.put(packExpiry(expiryMs, name), MARK);
    this.#entries.put(name, packEntry(expiryMs, value));
  }

  #forgetExpiry(name: Buffer, { expiryMs }: Entry): void {
    if (expiryMs !== NEVER) this.#expiries.remove(packExpiry(expiryMs, name));
  }

  async #write<Result>(change: () => Result): Promise<Result> {
    this.#checkOpen();
    try {
      return await this.#root.transaction(change);
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

function checked(key: string, ttlMs: number | undefined): Buffer {
  checkTtl(key, ttlMs);
  return keyBytes(key);
}

/** Why a write failed: lmdb gives the reason of a failed commit as a promise in the error. */
async function writeFailure(cause: unknown): Promise<string> {
  const { commitError } = cause as { commitError?: Promise<unknown> };
  if (commitError === undefined) return reasonOf(cause);
  const given = commitError.then(() => reasonOf(cause), reasonOf);
  return Promise.race([given, setTimeout(100, reasonOf(cause))]);
}
