/**
 * The fields of a packet on their way out. A packet is measured first, which is also where
 * everything that the wire cannot hold is refused, and then written into a buffer of exactly
 * that size: nothing is allocated for a packet that is refused.
 */

import { MilterCodecError, type MilterErrorCode } from './errors.ts';
import { MILTER_CHUNK_SIZE } from './limits.ts';
import { NOT_BYTES } from './text.ts';

/** Length field and code byte. */
export const HEAD_BYTES = 5;

export interface EncodeOptions {
  /**
   * The longest body chunk, in bytes, in either direction. Default: 65535. Larger ones have
   * to be negotiated: see `maxChunkBytes()`.
   */
  readonly maxChunkBytes?: number;
}

/** Missing in @types/node: writes one byte a character, without the detours of `write`. */
type ByteStrings = { latin1Write(text: string, offset: number, length: number): number };

/** Bytes that the string takes, with its NUL. */
export function stringBytes(packet: string, field: string, text: string): number {
  const nul = text.indexOf('\0');
  if (nul !== -1) {
    throw refusal('ERR_MILTER_NUL', packet, field, nul, 'a string without NUL', 'one with a NUL');
  }
  if (NOT_BYTES.test(text)) throw notBytes(packet, field, text);
  return text.length + 1;
}

/** The same where MTAs refuse an empty string. */
export function filledStringBytes(packet: string, field: string, text: string): number {
  if (text === '') {
    throw refusal('ERR_MILTER_EMPTY_STRING', packet, field, 0, 'a string', 'an empty one');
  }
  return stringBytes(packet, field, text);
}

/** Bytes that the body chunk takes. */
export function chunkBytes(packet: string, chunk: Uint8Array, options: EncodeOptions): number {
  const max = options.maxChunkBytes ?? MILTER_CHUNK_SIZE;
  if (chunk.length > max) {
    const expected = `at most ${max} bytes`;
    throw refusal('ERR_MILTER_CHUNK_TOO_BIG', packet, 'chunk', max, expected, `${chunk.length}`);
  }
  return chunk.length;
}

/** 4, if the number fits there. */
export function uint32Bytes(packet: string, field: string, value: number): number {
  return integerBytes(packet, field, value, 4, 0xffff_ffff);
}

/** 2, if the number fits there. */
export function uint16Bytes(packet: string, field: string, value: number): number {
  return integerBytes(packet, field, value, 2, 0xffff);
}

function integerBytes(
  packet: string,
  field: string,
  value: number,
  bytes: number,
  max: number,
): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return bytes;
  const expected = `a whole number from 0 to ${max}`;
  throw refusal('ERR_MILTER_NUMBER', packet, field, 0, expected, String(value));
}

/** The place after the string and its NUL, which is written to `at`. */
export function writeString(buffer: Buffer, at: number, text: string): number {
  const end = at + (buffer as Buffer & ByteStrings).latin1Write(text, at, text.length);
  buffer[end] = 0;
  return end + 1;
}

/** The place after the chunk, which is written to `at`. */
export function writeChunk(buffer: Buffer, at: number, chunk: Uint8Array): number {
  buffer.set(chunk, at);
  return at + chunk.length;
}

/** Length and code, now that it is known where the packet ends. Gives that end. */
export function writeHead(buffer: Buffer, start: number, end: number, code: number): number {
  buffer.writeUInt32BE(end - start - 4, start);
  buffer[start + 4] = code;
  return end;
}

/** What the caller asked for and the wire cannot hold. */
export function refusal(
  code: MilterErrorCode,
  packet: string,
  field: string,
  offset: number,
  expected: string,
  got: string,
): MilterCodecError {
  return new MilterCodecError(code, { packet, field, offset }, expected, got);
}

function notBytes(packet: string, field: string, text: string): MilterCodecError {
  const at = text.search(NOT_BYTES);
  const got = `U+${text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')}`;
  const expected = 'one byte a character (see encodeText)';
  return refusal('ERR_MILTER_NOT_BYTES', packet, field, at, expected, got);
}
