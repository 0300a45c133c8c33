/**
 * How entries lie in LMDB, which keeps keys in the order of their bytes:
 *
 *     01 | expiry (6 bytes) | key  -> one byte without meaning
 *     02 | key                     -> expiry (6 bytes) | value
 *
 * The expiry is milliseconds since 1970, big-endian, 0 for never. So the rows 01 begin
 * with what expires first: finding expired entries reads those and nothing else, however
 * large the store is. An entry that never expires has no row 01.
 *
 * All rows are in LMDB's main database: a named one would have to be created while the
 * store is being opened, when guard.ts is not in force yet.
 */

import type { Entry } from '../entry.ts';

const EXPIRY_ROW = 1;
const ENTRY_ROW = 2;

const EXPIRY_BYTES = 6;

/** The row key of an entry. */
export function entryRow(key: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(1 + key.byteLength);
  row[0] = ENTRY_ROW;
  row.set(key, 1);
  return row;
}

export function packEntry(expiryMs: number, value: Uint8Array): Buffer {
  const packed = Buffer.allocUnsafe(EXPIRY_BYTES + value.byteLength);
  packed.writeUIntBE(expiryMs, 0, EXPIRY_BYTES);
  packed.set(value, EXPIRY_BYTES);
  return packed;
}

export function unpackEntry(packed: Uint8Array): Entry {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  return { expiryMs: bytes.readUIntBE(0, EXPIRY_BYTES), value: bytes.subarray(EXPIRY_BYTES) };
}

/** The row key that says when the entry with this row key expires. */
export function expiryRow(expiryMs: number, row: Uint8Array): Buffer {
  const packed = Buffer.allocUnsafe(EXPIRY_BYTES + row.byteLength);
  packed[0] = EXPIRY_ROW;
  packed.writeUIntBE(expiryMs, 1, EXPIRY_BYTES);
  packed.set(row.subarray(1), 1 + EXPIRY_BYTES);
  return packed;
}

/** When an entry expires, and the row key of that entry. */
export function unpackExpiryRow(packed: Uint8Array): { expiryMs: number; row: Buffer } {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  return {
    expiryMs: bytes.readUIntBE(1, EXPIRY_BYTES),
    row: entryRow(bytes.subarray(1 + EXPIRY_BYTES)),
  };
}

/** The range of the expiry rows whose time has come. */
export function expiredRows(nowMs: number): { readonly start: Buffer; readonly end: Buffer } {
  const empty = Buffer.of(EXPIRY_ROW);
  return { start: empty, end: expiryRow(Math.floor(nowMs) + 1, empty) };
}

/** The range of all entries. */
export function allEntries(): { readonly start: Buffer; readonly end: Buffer } {
  return { start: Buffer.of(ENTRY_ROW), end: Buffer.of(ENTRY_ROW + 1) };
}

/** The key of the entry that has this row key. */
export function keyOf(row: Uint8Array): string {
  return Buffer.from(row.buffer, row.byteOffset + 1, row.byteLength - 1).toString('utf8');
}

/** The range of the entries whose keys begin with these bytes, from after `row` on. */
export function entriesFrom(
  prefix: Uint8Array,
  row: Uint8Array | undefined,
): { readonly start: Buffer; readonly end: Buffer } {
  const first = entryRow(prefix);
  // The smallest key after a key is the key with a NUL behind it.
  const start = row === undefined ? first : Buffer.concat([row, Buffer.of(0)]);
  return { start, end: after(first) };
}

/** The smallest row key that begins with none of these bytes and is larger. */
function after(row: Buffer): Buffer {
  // UTF-8 has no byte ff, so the last one can always be raised.
  const end = Buffer.from(row);
  end[end.length - 1]! += 1;
  return end;
}
