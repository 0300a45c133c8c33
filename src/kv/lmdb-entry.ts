/**
 * How an entry lies in LMDB. Two named databases in one environment:
 *
 *     entries    key                  -> expiry (6 bytes) | value
 *     expiries   expiry (6) | key     -> one byte without meaning
 *
 * The expiry is milliseconds since 1970, big-endian, 0 for never. LMDB keeps keys in the
 * order of their bytes, so `expiries` begins with what expires first: finding the expired
 * entries reads those and nothing else, however large the store is. An entry that never
 * expires is not in `expiries`.
 */

const EXPIRY_BYTES = 6;

/** Year 10889, the largest that fits; a longer time to live ends there. */
const MAX_EXPIRY_MS = 2 ** 48 - 1;

export const NEVER = 0;

/** A stored value and when it expires ({@link NEVER}, or milliseconds since 1970). */
export interface Entry {
  readonly expiryMs: number;
  readonly value: Buffer;
}

/** When something expires that is stored `nowMs` for `ttlMs` (`undefined`: for good). */
export function expiryAt(nowMs: number, ttlMs: number | undefined): number {
  return ttlMs === undefined ? NEVER : Math.min(Math.ceil(nowMs + ttlMs), MAX_EXPIRY_MS);
}

export function isExpired({ expiryMs }: Entry, nowMs: number): boolean {
  return expiryMs !== NEVER && expiryMs <= nowMs;
}

export function packEntry(expiryMs: number, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(EXPIRY_BYTES + value.byteLength);
  bytes.writeUIntBE(expiryMs, 0, EXPIRY_BYTES);
  bytes.set(value, EXPIRY_BYTES);
  return bytes;
}

export function unpackEntry(packed: Uint8Array): Entry {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  return { expiryMs: bytes.readUIntBE(0, EXPIRY_BYTES), value: bytes.subarray(EXPIRY_BYTES) };
}

/** The key in `expiries` of an entry. */
export function packExpiry(expiryMs: number, key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(EXPIRY_BYTES + key.byteLength);
  bytes.writeUIntBE(expiryMs, 0, EXPIRY_BYTES);
  bytes.set(key, EXPIRY_BYTES);
  return bytes;
}

export function unpackExpiry(packed: Uint8Array): { expiryMs: number; key: Buffer } {
  const { expiryMs, value: key } = unpackEntry(packed);
  return { expiryMs, key };
}

/** `expiries` up to and without this key have expired. */
export function firstUnexpired(nowMs: number): Buffer {
  return packExpiry(Math.floor(nowMs) + 1, Buffer.alloc(0));
}
