/** Keys, checked and shown. */

import { KvError } from './errors.ts';
import { MAX_KEY_BYTES } from './store.ts';

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
    throw new KvError('ERR_KV_KEY', `expected a key of whole characters, got ${quotedKey(key)}`);
  }
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length > MAX_KEY_BYTES) {
    const message = `expected a key of 1 to ${MAX_KEY_BYTES} bytes, got ${bytes.length} bytes (${quotedKey(key)}); hash the long part of it`;
    throw new KvError('ERR_KV_KEY', message);
  }
  return bytes;
}

/** Throws {@link KvError} if this is not a key. */
export function checkKey(key: string): void {
  keyBytes(key);
}

/** The beginning of a key, for messages. */
export function shownKey(key: string): string {
  return printable(beginningOf(key));
}

function quotedKey(key: string): string {
  return printable(JSON.stringify(beginningOf(key)));
}

function beginningOf(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}...` : key;
}

/** What a terminal would obey, or would show as something else: controls, line ends, directions, half characters. */
const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * A text as it may be shown on a line: what is not printable as `\u001b`, as in JSON. Keys come
 * from what SMTP clients say, and must not make up lines or colours.
 */
export function printable(text: string): string {
  return text.replace(NOT_PRINTABLE, (character) =>
    // By code units: JSON knows no others.
    Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** What a thing is that should have been something else. */
export function nameOf(value: unknown): string {
  return value === '' ? "''" : value === null ? 'null' : typeof value;
}
