/** A store made of entries: whatever can change one entry atomically can do all the rest. */

import {
  checkedRate,
  checkHolder,
  checkLease,
  checkPeriod,
  checkStep,
  checkTtl,
  checkValue,
  checkWindow,
} from './arguments.ts';
import { distinctAdding, distinctCounting } from './changes/distinct.ts';
import { acquiring, releasing, renewing } from './changes/lease.ts';
import { rating } from './changes/rate.ts';
import {
  adding,
  deleting,
  expiring,
  increasing,
  plainValue,
  setting,
  swapping,
} from './changes/value.ts';
import { windowAdding, windowSumming } from './changes/window.ts';
import { type Change, type Entry, isExpired, timeLeft } from './entry.ts';
import { checkKey } from './key.ts';
import { sightOf } from './sight.ts';
import type {
  LeaseAnswer,
  LeaseTerms,
  Page,
  PageOrder,
  RateAnswer,
  RateLimit,
  Sight,
  Store,
  WindowSpan,
} from './store.ts';

/** What keeps the entries. All methods reject with KvError. */
export interface Entries {
  readonly kind: string;
  /** The entry, expired or not. The value belongs to the caller. */
  read(key: string): Promise<Entry | undefined>;
  /** Runs the change on the entry, expired or not, and keeps what it comes to, atomically. */
  change<Answer>(
    key: string,
    change: (entry: Entry | undefined) => StepOf<Answer>,
  ): Promise<Answer>;
  /** Entries whose keys begin with `prefix`, expired or not; see Store.scan. */
  list(prefix: string, order: PageOrder): Promise<EntryPage>;
  close(): Promise<void>;
}

type StepOf<Answer> = ReturnType<Change<Answer>>;

export interface EntryPage {
  readonly entries: readonly (readonly [key: string, entry: Entry])[];
  readonly next?: string;
}

export class EntryStore implements Store {
  readonly #entries: Entries;
  readonly #now: () => number;

  /** `now`: the clock of all who share the entries, in milliseconds since 1970. */
  constructor(entries: Entries, now: () => number = Date.now) {
    this.#entries = entries;
    this.#now = now;
  }

  get kind(): string {
    return this.#entries.kind;
  }

  async get(key: string): Promise<Buffer | undefined> {
    const entry = await this.#read(key);
    return entry && plainValue(key, entry);
  }

  async has(key: string): Promise<boolean> {
    return (await this.#read(key)) !== undefined;
  }

  async set(key: string, value: Uint8Array, ttlMs?: number): Promise<void> {
    return this.#change(key, setting(ownValue(key, value, ttlMs), ttlMs));
  }

  async add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean> {
    return this.#change(key, adding(ownValue(key, value, ttlMs), ttlMs));
  }

  async cas(
    key: string,
    expected: Uint8Array | undefined,
    value: Uint8Array,
    ttlMs?: number,
  ): Promise<boolean> {
    const before = expected && Buffer.from(expected);
    return this.#change(key, swapping(key, before, ownValue(key, value, ttlMs), ttlMs));
  }

  async incr(key: string, by: number, ttlMs?: number): Promise<number> {
    checkStep(key, by);
    checkTtl(key, ttlMs);
    return this.#change(key, increasing(key, by, ttlMs));
  }

  async delete(key: string): Promise<boolean> {
    return this.#change(key, deleting);
  }

  async expire(key: string, ttlMs: number): Promise<boolean> {
    checkTtl(key, ttlMs);
    return this.#change(key, expiring(ttlMs));
  }

  async ttl(key: string): Promise<number | undefined> {
    const entry = await this.#read(key);
    return entry && timeLeft(entry, this.#now());
  }

  async rate(key: string, limit: RateLimit): Promise<RateAnswer> {
    return this.#change(key, rating(key, checkedRate(key, limit)));
  }

  async windowAdd(key: string, n: number, span: WindowSpan): Promise<number> {
    checkStep(key, n);
    checkWindow(key, span);
    return this.#change(key, windowAdding(key, n, span));
  }

  async windowSum(key: string, span: WindowSpan): Promise<number> {
    checkWindow(key, span);
    return this.#ask(key, windowSumming(key, span));
  }

  async distinctAdd(key: string, member: string, perMs: number): Promise<number> {
    checkPeriod(key, perMs);
    return this.#change(key, distinctAdding(key, member, perMs));
  }

  async distinctCount(key: string, perMs: number): Promise<number> {
    checkPeriod(key, perMs);
    return this.#ask(key, distinctCounting(key, perMs));
  }

  async leaseAcquire(key: string, holder: string, terms: LeaseTerms): Promise<LeaseAnswer> {
    checkLease(key, holder, terms);
    return this.#change(key, acquiring(key, holder, terms));
  }

  async leaseRenew(key: string, holder: string, ttlMs: number): Promise<boolean> {
    checkHolder(key, holder);
    checkTtl(key, ttlMs);
    return this.#change(key, renewing(key, holder, ttlMs));
  }

  async leaseRelease(key: string, holder: string): Promise<boolean> {
    checkHolder(key, holder);
    return this.#change(key, releasing(key, holder));
  }

  async look(key: string): Promise<Sight | undefined> {
    const entry = await this.#read(key);
    return entry && sightOf(key, entry, this.#now());
  }

  async scan(prefix: string, order: PageOrder): Promise<Page> {
    if (prefix !== '') checkKey(prefix);
    const { entries, next } = await this.#entries.list(prefix, order);
    const nowMs = this.#now();
    return {
      entries: entries
        .filter(([, entry]) => !isExpired(entry, nowMs))
        .map(([key, entry]) => ({ key, sight: sightOf(key, entry, nowMs) })),
      ...(next !== undefined && { next }),
    };
  }

  close(): Promise<void> {
    return this.#entries.close();
  }

  async #read(key: string): Promise<Entry | undefined> {
    checkKey(key);
    const entry = await this.#entries.read(key);
    return entry && !isExpired(entry, this.#now()) ? entry : undefined;
  }

  async #change<Answer>(key: string, change: Change<Answer>): Promise<Answer> {
    checkKey(key);
    return this.#entries.change(key, (entry) => {
      // Now is when the change is made, which may be later than when it was asked for.
      const nowMs = this.#now();
      return change(entry && !isExpired(entry, nowMs) ? entry : undefined, nowMs);
    });
  }

  /** A change that changes nothing needs no lock. */
  async #ask<Answer>(key: string, change: Change<Answer>): Promise<Answer> {
    return change(await this.#read(key), this.#now()).answer;
  }
}

/** A copy of the value: the caller may reuse its buffer before the change is made. */
function ownValue(key: string, value: Uint8Array, ttlMs: number | undefined): Buffer {
  checkKey(key);
  checkTtl(key, ttlMs);
  checkValue(key, value);
  return Buffer.from(value);
}
