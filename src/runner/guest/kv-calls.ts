/** The calls of `kv`: how each crosses the border, and what is made of its answer. */

import type { Duration } from '../../config/units.ts';
import type {
  DistinctOptions,
  KvOperation,
  KvValue,
  LeaseOptions,
  LeaseResult,
  RateOptions,
  TtlOption,
  WindowOptions,
} from './api-kv.ts';
import {
  carried,
  carriedLease,
  carriedPeriod,
  carriedRate,
  carriedWindow,
  checkedKey,
  checkedMember,
  expectedValue,
  periodMs,
  ttlMs,
  uncarried,
  wholeNumber,
} from './kv-values.ts';

/** On which store or stores a call is performed; `null`: the default one. */
export type Target = { readonly store: string } | { readonly group: string } | null;

export interface KvCall {
  readonly name: string;
  readonly args: readonly unknown[];
  /** What authors get. `place`: the store that answered. */
  readonly read: (answer: unknown, place: Target) => unknown;
}

const asItIs = (answer: unknown) => answer;
const orUndefined = (answer: unknown) => answer ?? undefined;

function call(name: string, args: readonly unknown[], read: KvCall['read'] = asItIs): KvCall {
  return { name, args, read };
}

/** Every function throws what is wrong with its arguments. */
export const kvCalls = {
  get: (key: string) => call('get', [checkedKey(key)], uncarried),
  has: (key: string) => call('has', [checkedKey(key)]),
  delete: (key: string) => call('delete', [checkedKey(key)]),
  ttl: (key: string) => call('ttl', [checkedKey(key)], orUndefined),
  set: (key: string, value: KvValue, options?: TtlOption) =>
    call('set', [checkedKey(key), carried(value), ttlMs(options)], orUndefined),
  add: (key: string, value: KvValue, options?: TtlOption) =>
    call('add', [checkedKey(key), carried(value), ttlMs(options)]),
  cas: (key: string, expected: KvValue, value: KvValue, options?: TtlOption) =>
    call('cas', [checkedKey(key), expectedValue(expected), carried(value), ttlMs(options)]),
  incr: (key: string, by = 1, options?: TtlOption) =>
    call('incr', [checkedKey(key), wholeNumber(by, 'kv.incr'), ttlMs(options)]),
  expire: (key: string, ttl: Duration) => call('expire', [checkedKey(key), periodMs(ttl, 'ttl')]),
  rate: (key: string, options: RateOptions) =>
    call('rate', [checkedKey(key), carriedRate(options)]),
  windowAdd: (key: string, n: number, options: WindowOptions) =>
    call('windowAdd', [checkedKey(key), wholeNumber(n, 'kv.window'), carriedWindow(options)]),
  windowSum: (key: string, options: WindowOptions) =>
    call('windowSum', [checkedKey(key), carriedWindow(options)]),
  distinctAdd: (key: string, member: string, options: DistinctOptions) =>
    call('distinctAdd', [checkedKey(key), checkedMember(member), carriedPeriod(options)]),
  distinctCount: (key: string, options: DistinctOptions) =>
    call('distinctCount', [checkedKey(key), carriedPeriod(options)]),
  lease: (key: string, options: LeaseOptions, release: (key: string, place: Target) => unknown) =>
    call('lease', [checkedKey(key), carriedLease(options)], (answer, place) =>
      Object.freeze({ ...(answer as LeaseResult), release: () => release(key, place) }),
    ),
  release: (key: string) => call('release', [key], orUndefined),
  scan: (prefix: string, limit: number, cursor: string | undefined) => {
    if (typeof prefix !== 'string')
      throw new TypeError(`kv.scan: expected a prefix, a text, got ${typeof prefix}`);
    return call('scan', [prefix, cursor === undefined ? { limit } : { limit, cursor }]);
  },
  members: () => call('members', []),
  batch: (operations: readonly KvOperation[]) => {
    if (!Array.isArray(operations)) throw new TypeError('kv.batch: expected a list of calls');
    const calls = operations.map(batched);
    return call('batch', [calls.map(({ name, args }) => [name, ...args])], (answers, place) =>
      (answers as unknown[]).map((answer, index) => calls[index]!.read(answer, place)),
    );
  },
};

const BATCHABLE = ['get', 'has', 'delete', 'ttl', 'set', 'add', 'cas', 'incr', 'expire', 'rate'];

function batched(operation: KvOperation, index: number): KvCall {
  const [name, ...args] = Array.isArray(operation) ? (operation as unknown[]) : [];
  if (typeof name !== 'string' || !BATCHABLE.includes(name))
    throw new TypeError(
      `kv.batch: expected call ${index + 1} to begin with ${BATCHABLE.join(', ')}, such as ['get', 'key']`,
    );
  const make = kvCalls[name as 'get'] as (...args: unknown[]) => KvCall;
  return make(...args);
}
