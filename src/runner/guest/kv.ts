/** `kv` as authors see it. Values cross as their stored form; the worker asks the store. */

import { findJsonMisfit } from '../../config/json.ts';
import { durationMs } from '../../config/units.ts';
import type { Kv, KvValue, TtlOption } from './api.ts';
import { bytesFromLatin1, latin1FromBytes } from './bytes.ts';
import { currentEvent } from './current.ts';
import { request } from './outbox.ts';

/** A JSON text, or bytes as latin1. */
type Carried = { readonly json: string } | { readonly bytes: string };

function ask(operation: string, ...args: readonly unknown[]): Promise<unknown> {
  return request(currentEvent(), `kv.${operation}`, args);
}

function checkedKey(key: unknown): string {
  if (typeof key !== 'string' || key === '')
    throw new TypeError(`kv: expected a key, a text that is not empty, got ${typeof key}`);
  return key;
}

function carried(value: KvValue): Carried {
  if (value instanceof Uint8Array) return { bytes: latin1FromBytes(value) };
  const misfit = findJsonMisfit(value);
  if (misfit) {
    const place = misfit.path === '' ? '' : ` at ${misfit.path}`;
    throw new TypeError(`kv: expected a JSON value or bytes, got ${misfit.what}${place}`);
  }
  return { json: JSON.stringify(value) };
}

function ttlMs(options: TtlOption | undefined): number | null {
  if (options?.ttl === undefined) return null;
  const ms = durationMs(options.ttl);
  if (!(ms > 0)) throw new TypeError('kv: a ttl must be longer than nothing');
  return ms;
}

// Arguments are checked inside the promise: an author who awaits sees every mistake the same way.
export const kv: Kv = Object.freeze({
  async get(key: string) {
    const found = (await ask('get', checkedKey(key))) as Carried | null;
    if (found === null) return undefined;
    return 'json' in found ? (JSON.parse(found.json) as KvValue) : bytesFromLatin1(found.bytes);
  },
  async set(key: string, value: KvValue, options?: TtlOption) {
    await ask('set', checkedKey(key), carried(value), ttlMs(options));
  },
  async delete(key: string) {
    return (await ask('delete', checkedKey(key))) as boolean;
  },
  async has(key: string) {
    return (await ask('has', checkedKey(key))) as boolean;
  },
  async add(key: string, value: KvValue, options?: TtlOption) {
    return (await ask('add', checkedKey(key), carried(value), ttlMs(options))) as boolean;
  },
  async incr(key: string, by = 1, options?: TtlOption) {
    if (!Number.isSafeInteger(by))
      throw new TypeError(`kv.incr: expected a whole number, got ${String(by)}`);
    return (await ask('incr', checkedKey(key), by, ttlMs(options))) as number;
  },
});
