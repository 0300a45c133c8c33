/** The contract of a key-value store, which every kind of store fulfils alike. */

/** Bytes of a key in UTF-8. */
export const MAX_KEY_BYTES = 1024;

/** Bytes of a value. */
export const MAX_VALUE_BYTES = 1024 ** 2;

/**
 * Keys are texts of 1 to {@link MAX_KEY_BYTES} bytes in UTF-8. An entry holds a value
 * (bytes, at most {@link MAX_VALUE_BYTES}, see value.ts) or the state of a rate, a window,
 * a distinct count or a lease; a call that meets another kind than its own rejects with
 * `ERR_KV_TYPE`. An entry whose time to live (`ttlMs`, milliseconds) is over is absent for
 * every operation. Each operation is atomic: others, in this process or in any process or
 * machine that shares the store, see it done or not begun. What an operation has answered
 * is kept: the death of the process does not undo it.
 *
 * All methods reject with KvError (errors.ts).
 */
export interface Store {
  /** `'lmdb'`, `'redis'` ...: for logs. */
  readonly kind: string;
  /** Reads are answered by this process, and wait for no write. */
  readonly readsAtOnce?: boolean;

  /** The value, or `undefined` if the key is absent. The buffer belongs to the caller. */
  get(key: string): Promise<Buffer | undefined>;

  /** Whether there is an entry, of any kind. */
  has(key: string): Promise<boolean>;

  /** Sets the value and the time to live; without `ttlMs` it stays until it is deleted. */
  set(key: string, value: Uint8Array, ttlMs?: number): Promise<void>;

  /** Sets the value if the key is absent, and tells whether it was. */
  add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean>;

  /** Sets the value if the present one is `expected` (`undefined`: absent), and tells whether it was. */
  cas(
    key: string,
    expected: Uint8Array | undefined,
    value: Uint8Array,
    ttlMs?: number,
  ): Promise<boolean>;

  /**
   * Adds `by` (a whole number) to the number at the key, 0 if it is absent, and gives the
   * sum. Numbers are kept as decimal text, `-12`, and stay within plus or minus 2^53-1.
   * `ttlMs` counts from the call that makes the key; later calls neither lengthen it nor
   * take it away.
   */
  incr(key: string, by: number, ttlMs?: number): Promise<number>;

  /** Makes the key absent, whatever it holds, and tells whether it was there. */
  delete(key: string): Promise<boolean>;

  /** Gives an entry of any kind this long from now, and tells whether it was there. */
  expire(key: string, ttlMs: number): Promise<boolean>;

  /** Milliseconds that an entry of any kind has left; `undefined`: absent, or for good. */
  ttl(key: string): Promise<number | undefined>;

  /** A smooth limit (GCRA): takes `cost` from the budget, if it is there. */
  rate(key: string, limit: RateLimit): Promise<RateAnswer>;

  /** Adds `n` (a whole number) to the slot of now, and gives the sum over the window. */
  windowAdd(key: string, n: number, window: WindowSpan): Promise<number>;

  /** The sum over the window. */
  windowSum(key: string, window: WindowSpan): Promise<number>;

  /** Notes that `member` was seen, and gives the number of different members of the last `perMs`. */
  distinctAdd(key: string, member: string, perMs: number): Promise<number>;

  /** The number of different members of the last `perMs`; exact while few, see changes/distinct.ts. */
  distinctCount(key: string, perMs: number): Promise<number>;

  /** Takes one of `limit` places for `ttlMs`; a holder that has one already keeps it, renewed. */
  leaseAcquire(key: string, holder: string, lease: LeaseTerms): Promise<LeaseAnswer>;

  /** Keeps the holder's place for `ttlMs` from now; `false`: it has none any more. */
  leaseRenew(key: string, holder: string, ttlMs: number): Promise<boolean>;

  /** Frees the holder's place, and tells whether it had one. */
  leaseRelease(key: string, holder: string): Promise<boolean>;

  /** What lies at a key, for people. */
  look(key: string): Promise<Sight | undefined>;

  /**
   * Entries whose keys begin with `prefix` (`''`: all), a page at a time, in no order that all
   * stores share. What is there from the first page to the last comes at least once, what
   * comes or goes meanwhile may come or not.
   */
  scan(prefix: string, page: PageOrder): Promise<Page>;

  /** What in the set-up of the store endangers what is kept in it, a sentence each; best effort. */
  advice?(): Promise<readonly string[]>;

  /** Ends the use of the store; operations under way are finished first. */
  close(): Promise<void>;
}

export interface RateLimit {
  /** How many in `perMs`, more than 0. */
  readonly limit: number;
  readonly perMs: number;
  /** How many at once after a pause. Default: `limit`. */
  readonly burst?: number;
  /** How many this one counts for. Default 1; never more than `burst`. */
  readonly cost?: number;
}

export interface RateAnswer {
  readonly allowed: boolean;
  /** How many more would be allowed now. */
  readonly remaining: number;
  /** When this one would be allowed; 0 when it is. */
  readonly retryAfterMs: number;
}

export interface WindowSpan {
  readonly perMs: number;
  /** In how many steps it slides: something counts for `perMs` at most, and for a slot less at least. */
  readonly slots: number;
}

export interface LeaseTerms {
  /** How many holders at once. */
  readonly limit: number;
  readonly ttlMs: number;
}

export interface LeaseAnswer {
  readonly acquired: boolean;
  /** Holders now, this one included when it is one. */
  readonly count: number;
}

/** An entry for people; the numbers are those of now. */
export type Sight = SightOf & {
  /** What is left of its time; absent: for good. */
  readonly ttlMs?: number;
};

type SightOf =
  | { readonly kind: 'value'; readonly value: Buffer }
  /** `used`: how much of the budget is used up. */
  | { readonly kind: 'rate'; readonly used: number }
  | { readonly kind: 'window'; readonly sum: number }
  | { readonly kind: 'distinct'; readonly count: number }
  /** `holders`: who, and for how long without a renewal. */
  | { readonly kind: 'lease'; readonly holders: readonly LeaseHolder[] };

export interface LeaseHolder {
  readonly holder: string;
  readonly ttlMs: number;
}

export interface PageOrder {
  /** About how many entries; a page may have fewer, even none, and not be the last. */
  readonly limit: number;
  /** `next` of the page before; absent: the first page. */
  readonly cursor?: string;
}

export interface Page {
  readonly entries: readonly { readonly key: string; readonly sight: Sight }[];
  /** Where the next page begins; absent: this was the last. */
  readonly next?: string;
}

/** What every kind of store lets tests choose. */
export interface StoreOptions {
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
  /** How often expired entries are looked for; 0: never. They are absent all the same. */
  readonly sweepEveryMs?: number;
}
