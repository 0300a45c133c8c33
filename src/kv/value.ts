/**
 * Values of filters as bytes of a store, and back:
 *
 *     JSON values   their UTF-8 text             {"n":1}    7b 22 6e ...
 *     bytes         00, then the bytes           00 ff 10 ...
 *
 * No JSON text begins with 00. A number is its plain decimal text, so that every store
 * can add to it.
 */

import { findJsonMisfit, type JsonValue } from '../config/json.ts';
import { KvError } from './errors.ts';

/** What a filter may store. */
export type KvValue = JsonValue | Uint8Array;

/** The first byte of stored bytes. */
export const BYTES_MARK = 0;

/**
 * The bytes of a value; throws {@link KvError} for what would not come back as it went in
 * (functions, dates, NaN ...). Minus zero alone comes back as zero.
 */
export function encodeValue(value: KvValue): Buffer {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.allocUnsafe(value.byteLength + 1);
    bytes[0] = BYTES_MARK;
    bytes.set(value, 1);
    return bytes;
  }
  const misfit = findJsonMisfit(value);
  if (misfit) {
    const place = misfit.path === '' ? '' : ` at ${misfit.path}`;
    const message = `expected a JSON value or bytes, got ${misfit.what}${place}`;
    throw new KvError('ERR_KV_VALUE', message);
  }
  return Buffer.from(JSON.stringify(value), 'utf8');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The value that {@link encodeValue} made these bytes from; throws {@link KvError} for other bytes. */
export function decodeValue(bytes: Uint8Array): KvValue {
  if (bytes[0] === BYTES_MARK) return new Uint8Array(bytes.subarray(1));
  try {
    return JSON.parse(utf8.decode(bytes)) as JsonValue;
  } catch (cause) {
    const message =
      'expected a stored JSON value or bytes, got something that another program wrote';
    throw new KvError('ERR_KV_VALUE', message, { cause });
  }
}
