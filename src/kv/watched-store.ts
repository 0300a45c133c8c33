/**
 * A store as filters use it: every call has a budget of time, and a store that does not
 * answer is left alone, but for a call now and then that finds out whether it is back.
 *
 *     answering --- call fails ---> failing --- fails again and again ---> resting
 *         ^                            |                                      |
 *         +------- a call succeeds ----+------- a probe succeeds -------------+
 *
 * While it rests calls are refused at once: nobody waits for what will not come, and nothing
 * piles up in its client.
 */

import { isStoreFailure, KvError, reasonOf } from './errors.ts';
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

/** Told what becomes of a store and its calls; all of it is for logs and metrics. */
export interface StoreObserver {
  /** A call ended. */
  called(outcome: CallOutcome): void;
  /** The store has begun to fail. */
  down(reason: string): void;
  /** It answers again, after so long, in which so many calls failed. */
  up(downMs: number, failed: number): void;
}

/** `refused`: not even tried, because the store rests. `mistake`: the store is well, the call was wrong. */
export type CallOutcome = 'ok' | 'mistake' | 'unavailable' | 'timeout' | 'refused';

export interface WatchOptions {
  /** For messages: `fleet (redis://10.0.0.5:6379/0)`. */
  readonly title: string;
  readonly budgetMs: number;
  readonly observer: StoreObserver;
}

/** After so many failures in a row, whatever was under way at once aside, it rests. */
const RESTS_AFTER = 3;

/** How often a resting store is tried. */
const PROBE_EVERY_MS = 250;

export class WatchedStore implements Store {
  readonly #store: Store;
  readonly #options: WatchOptions;
  #failuresInARow = 0;
  #downSinceMs: number | undefined;
  #failedWhileDown = 0;
  #lastReason = '';
  #nextProbeMs = 0;
  /** Calls begun after this number know of the latest success. */
  #began = 0;
  #lastSuccess = 0;

  constructor(store: Store, options: WatchOptions) {
    this.#store = store;
    this.#options = options;
  }

  get kind(): string {
    return this.#store.kind;
  }

  get(key: string): Promise<Buffer | undefined> {
    return this.#read((store) => store.get(key));
  }

  has(key: string): Promise<boolean> {
    return this.#read((store) => store.has(key));
  }

  set(key: string, value: Uint8Array, ttlMs?: number): Promise<void> {
    return this.#call((store) => store.set(key, value, ttlMs));
  }

  add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean> {
    return this.#call((store) => store.add(key, value, ttlMs));
  }

  cas(
    key: string,
    expected: Uint8Array | undefined,
    value: Uint8Array,
    ttlMs?: number,
  ): Promise<boolean> {
    return this.#call((store) => store.cas(key, expected, value, ttlMs));
  }

  incr(key: string, by: number, ttlMs?: number): Promise<number> {
    return this.#call((store) => store.incr(key, by, ttlMs));
  }

  delete(key: string): Promise<boolean> {
    return this.#call((store) => store.delete(key));
  }

  expire(key: string, ttlMs: number): Promise<boolean> {
    return this.#call((store) => store.expire(key, ttlMs));
  }

  ttl(key: string): Promise<number | undefined> {
    return this.#read((store) => store.ttl(key));
  }

  rate(key: string, limit: RateLimit): Promise<RateAnswer> {
    return this.#call((store) => store.rate(key, limit));
  }

  windowAdd(key: string, n: number, window: WindowSpan): Promise<number> {
    return this.#call((store) => store.windowAdd(key, n, window));
  }

  windowSum(key: string, window: WindowSpan): Promise<number> {
    return this.#read((store) => store.windowSum(key, window));
  }

  distinctAdd(key: string, member: string, perMs: number): Promise<number> {
    return this.#call((store) => store.distinctAdd(key, member, perMs));
  }

  distinctCount(key: string, perMs: number): Promise<number> {
    return this.#read((store) => store.distinctCount(key, perMs));
  }

  leaseAcquire(key: string, holder: string, terms: LeaseTerms): Promise<LeaseAnswer> {
    return this.#call((store) => store.leaseAcquire(key, holder, terms));
  }

  leaseRenew(key: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.#call((store) => store.leaseRenew(key, holder, ttlMs));
  }

  leaseRelease(key: string, holder: string): Promise<boolean> {
    return this.#call((store) => store.leaseRelease(key, holder));
  }

  look(key: string): Promise<Sight | undefined> {
    return this.#read((store) => store.look(key));
  }

  scan(prefix: string, page: PageOrder): Promise<Page> {
    return this.#read((store) => store.scan(prefix, page));
  }

  async advice(): Promise<readonly string[]> {
    return (await this.#store.advice?.()) ?? [];
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Where no read waits for anybody, what becomes of it says nothing about the writes, and they say nothing about it. */
  async #read<Answer>(ask: (store: Store) => Promise<Answer>): Promise<Answer> {
    if (!this.#store.readsAtOnce) return this.#call(ask);
    try {
      const answer = await ask(this.#store);
      this.#options.observer.called('ok');
      return answer;
    } catch (error) {
      this.#options.observer.called(isStoreFailure(error) ? 'unavailable' : 'mistake');
      throw error;
    }
  }

  async #call<Answer>(ask: (store: Store) => Promise<Answer>): Promise<Answer> {
    if (this.#isResting()) {
      this.#options.observer.called('refused');
      this.#failedWhileDown += 1;
      throw new KvError(
        'ERR_KV_UNAVAILABLE',
        `the store ${this.#options.title} does not answer and is left alone for a moment: ${this.#lastReason}`,
      );
    }
    this.#began += 1;
    const number = this.#began;
    try {
      const answer = await this.#inTime(ask(this.#store));
      this.#succeeded(number, 'ok');
      return answer;
    } catch (error) {
      if (isStoreFailure(error)) this.#failed(error, number);
      // Most mistakes are found before the store is asked: they say nothing about it.
      else if (hasLooked(error)) this.#succeeded(number, 'mistake');
      else this.#options.observer.called('mistake');
      throw error;
    }
  }

  /** Whether this call is to be refused; lets a probe through now and then. */
  #isResting(): boolean {
    if (this.#failuresInARow < RESTS_AFTER) return false;
    const nowMs = performance.now();
    if (nowMs < this.#nextProbeMs) return true;
    this.#nextProbeMs = nowMs + PROBE_EVERY_MS;
    return false;
  }

  #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const { title, budgetMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // Where this process was too busy to hear it, the answer may have come: it is read now.
        setImmediate(() => {
          const message = `the store ${title} did not answer within limits.kv of ${budgetMs} ms`;
          reject(new KvError('ERR_KV_TIMEOUT', message));
        });
      }, budgetMs);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #succeeded(number: number, outcome: 'ok' | 'mistake'): void {
    this.#options.observer.called(outcome);
    this.#lastSuccess = Math.max(this.#lastSuccess, number);
    this.#failuresInARow = 0;
    if (this.#downSinceMs === undefined) return;
    const downMs = performance.now() - this.#downSinceMs;
    this.#downSinceMs = undefined;
    this.#options.observer.up(Math.round(downMs), this.#failedWhileDown);
    this.#failedWhileDown = 0;
  }

  #failed(error: KvError, number: number): void {
    this.#options.observer.called(error.code === 'ERR_KV_TIMEOUT' ? 'timeout' : 'unavailable');
    // A call that was begun before the store was back says nothing about it now.
    if (number < this.#lastSuccess) return;
    this.#lastReason = reasonOf(error);
    this.#failuresInARow += 1;
    this.#failedWhileDown += 1;
    this.#nextProbeMs = performance.now() + PROBE_EVERY_MS;
    if (this.#downSinceMs !== undefined) return;
    this.#downSinceMs = performance.now();
    this.#options.observer.down(this.#lastReason);
  }
}

/** Whether the store has looked at the entry before it said that the call is wrong. */
function hasLooked(error: unknown): boolean {
  return error instanceof KvError && error.code === 'ERR_KV_TYPE';
}
