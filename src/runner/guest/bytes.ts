/**
 * Bytes and texts inside the isolate, where there is no Buffer and no TextDecoder. On its way
 * in and out of the isolate a run of bytes is a latin1 string, one character a byte.
 */

/** Longer lists of arguments overflow the stack. */
const CHUNK = 8192;

export function latin1FromBytes(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return latin1FromChunk(bytes);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(latin1FromChunk(bytes.subarray(at, at + CHUNK)));
  }
  return parts.join('');
}

/** With `apply`, which takes the array as it is: spreading it would iterate, eight times as slow. */
function latin1FromChunk(bytes: Uint8Array): string {
  return Reflect.apply(String.fromCharCode, undefined, bytes);
}

export function bytesFromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

const NOT_ASCII = /[^\0-\x7f]/;

/** The UTF-8 bytes of a text, as latin1. */
export function utf8AsLatin1(text: string): string {
  if (!NOT_ASCII.test(text)) return text;
  // A lone surrogate has no UTF-8; it becomes U+FFFD, as in every other encoder.
  return encodeURIComponent(text.toWellFormed()).replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** UTF-8 where these bytes are valid UTF-8, else Latin-1. */
export function textFromLatin1(raw: string): string {
  if (!NOT_ASCII.test(raw)) return raw;
  const escaped = raw.replace(
    /[%\x80-\xff]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  try {
    return decodeURIComponent(escaped);
  } catch {
    return raw;
  }
}

/** A text or bytes from an author as latin1; `undefined` when it is neither. */
export function asLatin1(value: unknown): string | undefined {
  if (typeof value === 'string') return utf8AsLatin1(value);
  if (value instanceof Uint8Array) return latin1FromBytes(value);
  return undefined;
}
