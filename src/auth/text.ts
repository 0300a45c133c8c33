/** Texts that come from clients and filters, made fit for where they go. */

import type { SmtpReply } from '../policy/smtp-reply.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 where it is valid, else Latin-1. */
export function decodeBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** What an HTTP header says: Node gives its bytes as Latin-1. */
export function headerText(value: string): string {
  return decodeBytes(Buffer.from(value, 'latin1'));
}

/** A text as the value of an HTTP header for Node, in UTF-8. */
export function headerValue(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

const NOT_ON_A_LINE = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/** Without anything that could end a line or be obeyed by a terminal. */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(NOT_ON_A_LINE, ' ').trim();
}

/** The beginning of a text that has at most so many bytes in UTF-8; no character is cut in two. */
export function cutToBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text, 'utf8');
  if (encoded.length <= bytes) return text;
  let end = Math.max(0, bytes);
  while (end > 0 && (encoded[end]! & 0xc0) === 0x80) end -= 1;
  return encoded.toString('utf8', 0, end);
}

/** The words of a refusal without their SMTP codes; `undefined` if the filter gave none. */
export function wordsOf(reply: SmtpReply | undefined): string | undefined {
  const words = oneLine(reply?.lines.join(' ') ?? '');
  return words === '' ? undefined : words;
}
