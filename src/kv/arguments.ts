/** What every store refuses alike, before it does anything. */

import { KvError } from './errors.ts';
import { nameOf, shownKey } from './key.ts';
import { STATE_MARK } from './state.ts';
import { type LeaseTerms, MAX_VALUE_BYTES, type RateLimit, type WindowSpan } from './store.ts';

/** A window of more slots than this is as good as exact, and only larger. */
export const MAX_SLOTS = 1000;

/** Throws {@link KvError} if this is not a value. */
export function checkValue(key: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) {
    throw new KvError('ERR_KV_VALUE', `${shownKey(key)}: expected bytes, got ${nameOf(value)}`);
  }
  if (value.byteLength > MAX_VALUE_BYTES) {
    const message = `${shownKey(key)}: expected at most ${MAX_VALUE_BYTES} bytes, got ${value.byteLength}`;
    throw new KvError('ERR_KV_VALUE', message);
  }
  if (value[0] === STATE_MARK) {
    const message = `${shownKey(key)}: expected the stored form of a value, which never begins with the byte ${STATE_MARK}`;
    throw new KvError('ERR_KV_VALUE', message);
  }
}

/** Throws {@link KvError} if this is not a time to live. */
export function checkTtl(key: string, ttlMs: number | undefined): void {
  if (ttlMs === undefined || (Number.isFinite(ttlMs) && ttlMs > 0)) return;
  const message = `${shownKey(key)}: expected a time to live of more than 0 ms, got ${ttlMs}; to remove a key, delete it`;
  throw new KvError('ERR_KV_TTL', message);
}

/** Throws {@link KvError} if these two cannot be added. */
export function checkStep(key: string, by: number): void {
  if (Number.isSafeInteger(by)) return;
  const message = `${shownKey(key)}: expected a whole number to add, within 2^53, got ${by}; whole numbers count alike in every store`;
  throw new KvError('ERR_KV_NOT_A_NUMBER', message);
}

/** The limit with its defaults; throws {@link KvError} if it makes no sense. */
export function checkedRate(key: string, limit: RateLimit): Required<RateLimit> {
  const { perMs, burst = limit.limit, cost = 1 } = limit;
  expectNumber(key, 'a limit of more than 0', limit.limit, limit.limit > 0);
  expectNumber(key, 'a period of more than 0 ms', perMs, perMs > 0);
  expectNumber(key, 'a burst of more than 0', burst, burst > 0);
  expectNumber(key, 'a cost of 0 or more', cost, cost >= 0);
  if (cost > burst) {
    const message = `${shownKey(key)}: a cost of ${cost} is more than the burst of ${burst} and would never be allowed`;
    throw new KvError('ERR_KV_ARGUMENT', message);
  }
  return { limit: limit.limit, perMs, burst, cost };
}

/** Throws {@link KvError} if this is no window. */
export function checkWindow(key: string, { perMs, slots }: WindowSpan): void {
  checkPeriod(key, perMs);
  const isCount = Number.isInteger(slots) && slots >= 1 && slots <= MAX_SLOTS;
  expectNumber(key, `1 to ${MAX_SLOTS} slots`, slots, isCount);
}

/** Throws {@link KvError} if this is no period. */
export function checkPeriod(key: string, perMs: number): void {
  expectNumber(key, 'a period of at least 1 ms', perMs, perMs >= 1);
}

/** Throws {@link KvError} if these are no terms of a lease. */
export function checkLease(key: string, holder: string, { limit, ttlMs }: LeaseTerms): void {
  checkHolder(key, holder);
  const isCount = Number.isSafeInteger(limit) && limit >= 0;
  expectNumber(key, 'a whole number of places, 0 or more', limit, isCount);
  checkTtl(key, ttlMs);
}

/** Throws {@link KvError} if this cannot name a holder. */
export function checkHolder(key: string, holder: string): void {
  if (typeof holder === 'string' && /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}$/.test(holder)) return;
  const message = `${shownKey(key)}: expected a holder of letters, digits and ._:@/-, got ${JSON.stringify(holder)}`;
  throw new KvError('ERR_KV_ARGUMENT', message);
}

function expectNumber(key: string, expected: string, value: number, isRight: boolean): void {
  if (Number.isFinite(value) && isRight) return;
  throw new KvError('ERR_KV_ARGUMENT', `${shownKey(key)}: expected ${expected}, got ${value}`);
}
