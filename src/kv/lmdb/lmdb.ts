/** The embedded store: LMDB in a folder, shared by all processes of the machine. */

import { setTimeout } from 'node:timers/promises';
import { formatCursor, parseCursor } from '../cursor.ts';
import { type Entry, NEVER, type Step } from '../entry.ts';
import { type Entries, type EntryPage, EntryStore } from '../entry-store.ts';
import { KvError, reasonOf } from '../errors.ts';
import type { PageOrder, StoreOptions } from '../store.ts';
import { SWEEP_BATCH, Sweeper } from '../sweeper.ts';
import { type Environment, openEnvironment } from './environment.ts';
import {
  allEntries,
  entriesFrom,
  entryRow,
  expiredRows,
  expiryRow,
  keyOf,
  packEntry,
  unpackEntry,
  unpackExpiryRow,
} from './rows.ts';

const NO_MEANING = Buffer.of(0);

export class LmdbStore extends EntryStore {
  readonly readsAtOnce = true;
  readonly #entries: LmdbEntries;

  /** `path`: the folder, absolute; made if it is not there. Rejects with {@link KvError}. */
  static async open(path: string, options: StoreOptions = {}): Promise<LmdbStore> {
    const { now = Date.now } = options;
    const environment = await openEnvironment(path);
    return new LmdbStore(new LmdbEntries(path, environment, now, options.sweepEveryMs), now);
  }

  private constructor(entries: LmdbEntries, now: () => number) {
    super(entries, now);
    this.#entries = entries;
  }

  /** Entries that take up room, expired ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Removes a batch of expired entries; tells whether there are probably more. */
  sweep(): Promise<boolean> {
    return this.#entries.sweep();
  }
}

/**
 * Every change is one write transaction: LMDB's lock, which holds across processes, is
 * taken before the old value is read and given back after the new one is committed. The
 * transactions that wait for it share one commit, and the waiting is done on a thread of
 * lmdb's.
 */
class LmdbEntries implements Entries {
  readonly kind = 'lmdb';
  readonly #path: string;
  readonly #environment: Environment;
  readonly #now: () => number;
  readonly #sweeper: Sweeper;
  #closed = false;

  constructor(
    path: string,
    environment: Environment,
    now: () => number,
    sweepEveryMs: number | undefined,
  ) {
    this.#path = path;
    this.#environment = environment;
    this.#now = now;
    this.#sweeper = new Sweeper(() => this.sweep(), sweepEveryMs);
  }

  async read(key: string): Promise<Entry | undefined> {
    const row = entryRow(Buffer.from(key, 'utf8'));
    this.#refresh();
    return this.#stored(row);
  }

  async change<Answer>(
    key: string,
    change: (entry: Entry | undefined) => Step<Answer>,
  ): Promise<Answer> {
    const row = entryRow(Buffer.from(key, 'utf8'));
    return this.#write(() => {
      const before = this.#stored(row);
      const { answer, entry } = change(before);
      if (entry !== undefined) this.#replace(row, before, entry);
      return answer;
    });
  }

  async list(prefix: string, { limit, cursor }: PageOrder): Promise<EntryPage> {
    this.#refresh();
    const last = cursor === undefined ? undefined : entryRow(parseCursor(cursor, prefix));
    const range = entriesFrom(Buffer.from(prefix, 'utf8'), last);
    const rows = [...this.#rows.getKeys({ ...range, limit: limit + 1 })];
    const page = rows.slice(0, limit);
    const entries = page.flatMap((row): EntryPage['entries'] => {
      const entry = this.#stored(row);
      return entry ? [[keyOf(row), entry]] : [];
    });
    return {
      entries,
      ...(rows.length > limit && { next: formatCursor(page.at(-1)!.subarray(1)) }),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#sweeper.stop();
    await this.#environment.close();
  }

  get size(): number {
    this.#refresh();
    return this.#rows.getKeysCount(allEntries());
  }

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

  #replace(row: Buffer, before: Entry | undefined, entry: Entry | null): void {
    if (before && before.expiryMs !== entry?.expiryMs) this.#removeExpiry(row, before);
    if (entry === null) {
      this.#rows.remove(row);
      return;
    }
    const { expiryMs, value } = entry;
    if (expiryMs !== NEVER && expiryMs !== before?.expiryMs)
      this.#rows.put(expiryRow(expiryMs, row), NO_MEANING);
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

/** Why a write failed: lmdb gives the reason of a failed commit as a promise in the error. */
async function writeFailure(cause: unknown): Promise<string> {
  const { commitError } = cause as { commitError?: Promise<unknown> };
  if (commitError === undefined) return reasonOf(cause);
  const given = commitError.then(() => reasonOf(cause), reasonOf);
  return Promise.race([given, setTimeout(100, reasonOf(cause))]);
}
