/** The fields of a packet's data: where they end, and what they hold. */

import { MilterCodecError } from './errors.ts';

/** Missing in @types/node: the method behind `toString('latin1')`, without its detours. */
type ByteStrings = { latin1Slice(start: number, end: number): string };

/** The bytes from `start` to `end`, one character each. */
export function bytesAsString(buffer: Buffer, start: number, end: number): string {
  return (buffer as Buffer & ByteStrings).latin1Slice(start, end);
}

/** Where the string that starts at `from` has its NUL; -1 if that is not before `end`. */
export function nulAt(buffer: Buffer, from: number, end: number): number {
  const at = buffer.indexOf(0, from);
  return at < end ? at : -1;
}

/** The same for a string whose NUL may be missing: then it ends where the packet does. */
export function stringEnd(buffer: Buffer, from: number, end: number): number {
  const at = nulAt(buffer, from, end);
  return at === -1 ? end : at;
}

/** The data ends `have` bytes after `offset`, where a field of `need` bytes starts. */
export function truncated(
  packet: string,
  field: string,
  offset: number,
  need: number,
  have: number,
): MilterCodecError {
  const where = { packet, field, offset };
  return new MilterCodecError('ERR_MILTER_TRUNCATED', where, `${need} bytes`, `${have}`);
}

/** The string that starts at `offset` has no NUL before the end of the packet. */
export function unterminated(packet: string, field: string, offset: number): MilterCodecError {
  const where = { packet, field, offset };
  const got = 'the end of the packet';
  return new MilterCodecError('ERR_MILTER_UNTERMINATED', where, 'a NUL after the string', got);
}
