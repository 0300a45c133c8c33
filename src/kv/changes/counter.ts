/** Numbers in stores: whole, exact, as decimal text. */

import { KvError } from '../errors.ts';

/** What `incr` makes of the bytes at a key (`undefined`: absent); throws {@link KvError}. */
export function increased(key: string, bytes: Uint8Array | undefined, by: number): number {
  return increasedSum(key, bytes === undefined ? 0 : parseCounter(key, bytes), by);
}

/** The sum of two numbers, which must be exact; throws {@link KvError}. */
export function increasedSum(key: string, before: number, by: number): number {
  const sum = before + by;
  if (Number.isSafeInteger(sum)) return sum;
  const message = `${key}: the sum is beyond plus or minus 2^53-1, where numbers are not exact`;
  throw new KvError('ERR_KV_NOT_A_NUMBER', message);
}

/** A number as a store keeps it. */
export function counterBytes(value: number): Buffer {
  return Buffer.from(String(value), 'latin1');
}

function parseCounter(key: string, bytes: Uint8Array): number {
  // No whole number within 2^53 is longer; longer values need no copy to be refused.
  const text = bytes.byteLength > 17 ? '' : Buffer.from(bytes).toString('latin1');
  const value = /^(?:0|-?[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  const message = `${key}: expected a whole number to add to, got another value; delete the key or use another`;
  throw new KvError('ERR_KV_NOT_A_NUMBER', message);
}
