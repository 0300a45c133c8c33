/** TXT records as texts. */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The strings of a record joined: UTF-8 where they are valid UTF-8, else Latin-1. */
export function textOf(strings: readonly Uint8Array[]): string {
  const bytes = Buffer.concat(strings);
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
