/**
 * Strings on the wire are bytes. In packets they are JavaScript strings with one character
 * a byte (latin1), so nothing is lost and nothing throws; these two functions lead from
 * there to text and back.
 */

import { isUtf8 } from 'node:buffer';

const NOT_ASCII = /[\u0080-\uffff]/;

/**
 * On a string that V8 holds as one byte a character this is decided without looking at any
 * of them, so it costs the same for each length.
 */
export const NOT_BYTES = /[\u0100-\uffff]/;

/**
 * The text that wire bytes stand for: UTF-8 where they are valid UTF-8, else Latin-1. Never
 * throws. Not reversible where the bytes were not UTF-8: keep the original beside it where
 * it has to go back to the MTA, as in DELRCPT. A string that is no wire string (characters
 * over 0xFF) is text already and comes back as it is.
 */
export function decodeText(bytes: string): string {
  if (!NOT_ASCII.test(bytes) || NOT_BYTES.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString('utf8') : bytes;
}

/**
 * The wire bytes of a text: its UTF-8 form with one character a byte. Never throws; a lone
 * surrogate, which has no UTF-8 form, becomes U+FFFD.
 */
export function encodeText(text: string): string {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}
