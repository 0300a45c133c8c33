/** The types of `kv` as authors see them. */

import type { Duration } from '../../config/units.ts';

export interface TtlOption {
  /** How long the key lives: milliseconds or `'90s'`, `'5m'`, `'1d'`. Without it: for ever. */
  readonly ttl?: Duration;
}

/** A JSON value or bytes; what was set is what comes back. */
export type KvValue = unknown;

export interface RateOptions {
  /** How many in the period. */
  readonly limit: number;
  readonly per: Duration;
  /** How many at once after a pause; without it, as many as the limit. */
  readonly burst?: number;
  /** How many this one counts for; without it, one. */
  readonly cost?: number;
}

export interface RateResult {
  readonly allowed: boolean;
  /** How many more would be allowed now. */
  readonly remaining: number;
  /** Whole seconds until this one would be allowed; 0 when it is. */
  readonly retryAfter: number;
}

export interface WindowOptions {
  readonly per: Duration;
  /** In how many steps it slides (default 60): something counts for `per` at most, and for one step less at least. */
  readonly slots?: number;
}

export interface DistinctOptions {
  readonly per: Duration;
}

export interface LeaseOptions {
  /** How many holders at once, on all machines. */
  readonly limit: number;
  /** When a holder that died is taken for gone; a living one is renewed by itself. */
  readonly ttl: Duration;
}

export interface LeaseResult {
  readonly acquired: boolean;
  /** Holders now, this session included when it is one. */
  readonly count: number;
}

export interface Lease extends LeaseResult {
  /** Frees the place before the session ends. */
  release(): Promise<void>;
}

/** One call of a batch: the name of the call, then its arguments. */
export type KvOperation =
  | readonly ['get' | 'has' | 'delete' | 'ttl', key: string]
  | readonly ['set' | 'add', key: string, value: KvValue, options?: TtlOption]
  | readonly ['cas', key: string, expected: KvValue, value: KvValue, options?: TtlOption]
  | readonly ['incr', key: string, by?: number, options?: TtlOption]
  | readonly ['expire', key: string, ttl: Duration]
  | readonly ['rate', key: string, options: RateOptions];

/** What a call of a batch results in. */
export type KvOperationResult<Operation extends KvOperation> = Operation[0] extends 'get'
  ? KvValue
  : Operation[0] extends 'has' | 'delete' | 'add' | 'cas' | 'expire'
    ? boolean
    : Operation[0] extends 'ttl'
      ? number | undefined
      : Operation[0] extends 'incr'
        ? number
        : Operation[0] extends 'rate'
          ? RateResult
          : undefined;

/**
 * The calls on a store. All of them reject with an error that has a `code`: `ERR_KV_TIMEOUT`
 * and `ERR_KV_UNAVAILABLE` when the store does not answer, `ERR_KV_TYPE` when the key holds
 * something else, and others that begin with `ERR_KV_`.
 */
export interface KvStore {
  get(key: string): Promise<KvValue | undefined>;
  set(key: string, value: KvValue, options?: TtlOption): Promise<void>;
  /** Whether it was there. */
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  /** `true` if it was absent and is now set. */
  add(key: string, value: KvValue, options?: TtlOption): Promise<boolean>;
  /** `true` if it was `expected` (`undefined`: absent; else compared as JSON text) and is now `value`. */
  cas(key: string, expected: KvValue, value: KvValue, options?: TtlOption): Promise<boolean>;
  /** The new number; the TTL is set when the key is made. */
  incr(key: string, by?: number, options?: TtlOption): Promise<number>;
  /** Gives the key this long from now; `false` when it is not there. */
  expire(key: string, ttl: Duration): Promise<boolean>;
  /** Milliseconds that the key has left; `undefined` when it is not there, or stays for ever. */
  ttl(key: string): Promise<number | undefined>;
  /** The keys that begin with a prefix. One that comes or goes meanwhile may be there or not. */
  scan(prefix: string): AsyncIterable<[key: string, value: KvValue]>;
  /** A smooth limit (GCRA). */
  rate(key: string, options: RateOptions): Promise<RateResult>;
  /** A sum over a sliding window. */
  window(
    key: string,
    options: WindowOptions,
  ): { add(n?: number): Promise<number>; sum(): Promise<number> };
  /** How many different members: exact up to 1024, estimated (within about 4 %) above. */
  distinct(
    key: string,
    options: DistinctOptions,
  ): { add(member: string): Promise<number>; count(): Promise<number> };
  /** At most `limit` holders at once; this session holds its place until it closes or releases it. */
  lease(key: string, options: LeaseOptions): Promise<Lease>;
  /** All of these calls at once: `kv.batch([['get', 'a'], ['incr', 'n', 1, { ttl: '1h' }]])`. */
  batch<const Operations extends readonly KvOperation[]>(
    operations: Operations,
  ): Promise<{ -readonly [At in keyof Operations]: KvOperationResult<Operations[At]> }>;
}

/** What a call came to on each store of a group. */
export type GroupResult<Value> = Readonly<
  Record<string, { readonly value: Value; readonly error?: undefined } | GroupFailure>
>;

export interface GroupFailure {
  readonly value?: undefined;
  readonly error: Error & { readonly code: string };
}

/** The same calls on several stores at once; one that fails does not fail the others. */
export interface KvGroup {
  get(key: string): Promise<GroupResult<KvValue | undefined>>;
  set(key: string, value: KvValue, options?: TtlOption): Promise<GroupResult<undefined>>;
  delete(key: string): Promise<GroupResult<boolean>>;
  has(key: string): Promise<GroupResult<boolean>>;
  add(key: string, value: KvValue, options?: TtlOption): Promise<GroupResult<boolean>>;
  cas(
    key: string,
    expected: KvValue,
    value: KvValue,
    options?: TtlOption,
  ): Promise<GroupResult<boolean>>;
  incr(key: string, by?: number, options?: TtlOption): Promise<GroupResult<number>>;
  expire(key: string, ttl: Duration): Promise<GroupResult<boolean>>;
  ttl(key: string): Promise<GroupResult<number | undefined>>;
  /** Store by store, in the order of the group; a store that fails has one entry with the error. */
  scan(prefix: string): AsyncIterable<GroupEntry>;
  rate(key: string, options: RateOptions): Promise<GroupResult<RateResult>>;
  window(
    key: string,
    options: WindowOptions,
  ): { add(n?: number): Promise<GroupResult<number>>; sum(): Promise<GroupResult<number>> };
  distinct(
    key: string,
    options: DistinctOptions,
  ): {
    add(member: string): Promise<GroupResult<number>>;
    count(): Promise<GroupResult<number>>;
  };
  lease(key: string, options: LeaseOptions): Promise<GroupResult<Lease>>;
  batch(operations: readonly KvOperation[]): Promise<GroupResult<readonly unknown[]>>;
}

/** What the scan of a group yields. */
export type GroupEntry =
  | {
      readonly store: string;
      readonly key: string;
      readonly value: KvValue;
      readonly error?: undefined;
    }
  | { readonly store: string; readonly error: Error & { readonly code: string } };

export interface Kv extends KvStore {
  /** Another store of the configuration. */
  store(name: string): KvStore;
  /** Several stores of the configuration at once. */
  group(name: string): KvGroup;
}
