/** The contract of a key-value store, which every kind of store fulfils alike. */

import { KvError } from './errors.ts';

/** Bytes of a key in UTF-8. */
export const MAX_KEY_BYTES = 1024;

/** Bytes of a value. */
export const MAX_VALUE_BYTES = 1024 ** 2;

/**
 * Keys are texts of 1 to {@link MAX_KEY_BYTES} bytes in UTF-8, values are bytes, at most
 * {@link MAX_VALUE_BYTES}. An entry whose time to live (`ttlMs`, milliseconds) is over
 * is absent for every operation. Each operation is atomic: others, in this process or in
 * any process that shares the store, see it done or not begun. What an operation has
 * answered is kept: the death of the process does not undo it.
 *
 * All methods reject with {@link KvError}.
 */
export interface Store {
  /** `'lmdb'`, `'memory'`: for logs. */
  readonly kind: string;

  /** The value, or `undefined` if the key is absent. The buffer belongs to the caller. */
  get(key: string): Promise<Buffer | undefined>;

  /** Sets the value and the time to live; without `ttlMs` it stays until it is deleted. */
  set(key: string, value: Uint8Array, ttlMs?: number): Promise<void>;

  /** Sets the value if the key is absent, and tells whether it was. */
  add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean>;

  /**
   * Adds `by` (a whole number) to the number at the key, 0 if it is absent, and gives the
   * sum. Numbers are kept as decimal text, `-12`, and stay within plus or minus 2^53-1.
   * `ttlMs` counts from the call that makes the key; later calls neither lengthen it nor
   * take it away.
   */
  incr(key: string, by: number, ttlMs?: number): Promise<number>;

  /** Makes the key absent, and tells whether it was there. */
  delete(key: string): Promise<boolean>;

  /** Ends the use of the store; operations under way are finished first. */
  close(): Promise<void>;
}

/** What every kind of store lets tests choose. */
export interface StoreOptions {
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
  /** How often expired entries are looked for; 0: never. They are absent all the same. */
  readonly sweepEveryMs?: number;
}

/** The key in UTF-8; throws {@link KvError} if it is not a key. */
export function keyBytes(key: string): Buffer {
  if (typeof key !== 'string' || key === '') {
    throw new KvError(
      'ERR_KV_KEY',
      `expected a key of 1 to ${MAX_KEY_BYTES} bytes, got ${nameOf(key)}`,
    );
  }
  // Half a surrogate pair has no UTF-8: different keys would become one.
  if (!key.isWellFormed()) {
    throw new KvError(
      'ERR_KV_KEY',
      `expected a key of whole characters, got ${JSON.stringify(start(key))}`,
    );
  }
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length > MAX_KEY_BYTES) {
    const message = `expected a key of 1 to ${MAX_KEY_BYTES} bytes, got ${bytes.length} bytes (${JSON.stringify(start(key))}); hash the long part of it`;
    throw new KvError('ERR_KV_KEY', message);
  }
  return bytes;
}

/** Throws {@link KvError} if this is not a value. */
export function checkValue(key: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) {
    throw new KvError('ERR_KV_VALUE', `${start(key)}: expected bytes, got ${nameOf(value)}`);
  }
  if (value.byteLength > MAX_VALUE_BYTES) {
    const message = `${start(key)}: expected at most ${MAX_VALUE_BYTES} bytes, got ${value.byteLength}`;
    throw new KvError('ERR_KV_VALUE', message);
  }
}

/** Throws {@link KvError} if this is not a time to live. */
export function checkTtl(key: string, ttlMs: number | undefined): void {
  if (ttlMs === undefined || (Number.isFinite(ttlMs) && ttlMs > 0)) return;
  const message = `${start(key)}: expected a time to live of more than 0 ms, got ${ttlMs}; to remove a key, delete it`;
  throw new KvError('ERR_KV_TTL', message);
}

/** The beginning of a key, for messages. */
function start(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}...` : key;
}

function nameOf(value: unknown): string {
  return value === '' ? "''" : value === null ? 'null' : typeof value;
}
