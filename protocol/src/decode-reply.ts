/**
 * What a filter answers. Strict, as Postfix is: each string has its NUL, and nothing follows
 * the last field. A filter that gets this wrong would lose its connection to a real MTA.
 */

import { replyName, SMFIR } from './codes.ts';
import { MilterCodecError } from './errors.ts';
import { splitMacroNames } from './macro-names.ts';
import type { MacroList, Reply, ReplyOf } from './packets.ts';
import { bytesAsString, nulAt, truncated, unterminated } from './read-fields.ts';
import { simpleReply } from './simple-replies.ts';

const OPTNEG_BYTES = 12;

/** The reply whose code is `code` and whose data is `start` to `end` of `buffer`. */
export function readReply(code: number, buffer: Buffer, start: number, end: number): Reply {
  const simple = simpleReply(code);
  if (simple !== undefined) {
    if (start !== end) throw trailing(code, 0, end - start);
    return simple;
  }
  switch (code) {
    case SMFIR.REPLYCODE:
      return { kind: 'replycode', text: readOnly(code, 'text', buffer, start, end) };
    case SMFIR.ADDHEADER:
      return readAddheader(buffer, start, end);
    case SMFIR.INSHEADER:
      return readIndexedHeader('insheader', code, buffer, start, end);
    case SMFIR.CHGHEADER:
      return readIndexedHeader('chgheader', code, buffer, start, end);
    case SMFIR.REPLBODY:
      return { kind: 'replbody', chunk: buffer.subarray(start, end) };
    case SMFIR.ADDRCPT:
      return { kind: 'addrcpt', address: readOnly(code, 'address', buffer, start, end) };
    case SMFIR.ADDRCPT_PAR:
      return readAddress('addrcptPar', code, buffer, start, end);
    case SMFIR.DELRCPT:
      return { kind: 'delrcpt', address: readOnly(code, 'address', buffer, start, end) };
    case SMFIR.CHGFROM:
      return readAddress('chgfrom', code, buffer, start, end);
    case SMFIR.QUARANTINE:
      return { kind: 'quarantine', reason: readOnly(code, 'reason', buffer, start, end) };
    case SMFIR.OPTNEG:
      return readOptneg(buffer, start, end);
    default: {
      const where = { packet: 'packet', field: 'code', offset: 0 };
      const got = replyName(code);
      throw new MilterCodecError('ERR_MILTER_UNKNOWN_REPLY', where, 'a reply', got);
    }
  }
}

function readAddheader(buffer: Buffer, start: number, end: number): ReplyOf<'addheader'> {
  const nameEnd = requiredNul(SMFIR.ADDHEADER, 'name', buffer, start, start, end);
  const valueEnd = lastNul(SMFIR.ADDHEADER, 'value', buffer, start, nameEnd + 1, end);
  return {
    kind: 'addheader',
    name: bytesAsString(buffer, start, nameEnd),
    value: bytesAsString(buffer, nameEnd + 1, valueEnd),
  };
}

function readIndexedHeader(
  kind: 'insheader' | 'chgheader',
  code: number,
  buffer: Buffer,
  start: number,
  end: number,
): ReplyOf<'insheader' | 'chgheader'> {
  if (end - start < 4) throw truncated(replyName(code), 'index', 0, 4, end - start);
  const nameEnd = requiredNul(code, 'name', buffer, start, start + 4, end);
  const valueEnd = lastNul(code, 'value', buffer, start, nameEnd + 1, end);
  return {
    kind,
    index: buffer.readUInt32BE(start),
    name: bytesAsString(buffer, start + 4, nameEnd),
    value: bytesAsString(buffer, nameEnd + 1, valueEnd),
  };
}

/** An address, and arguments after it if there is anything after it. */
function readAddress(
  kind: 'addrcptPar' | 'chgfrom',
  code: number,
  buffer: Buffer,
  start: number,
  end: number,
): ReplyOf<'addrcptPar' | 'chgfrom'> {
  const addressEnd = requiredNul(code, 'address', buffer, start, start, end);
  const address = bytesAsString(buffer, start, addressEnd);
  const argsAt = addressEnd + 1;
  if (argsAt === end) return { kind, address };
  const argsEnd = lastNul(code, 'args', buffer, start, argsAt, end);
  return { kind, address, args: bytesAsString(buffer, argsAt, argsEnd) };
}

function readOptneg(buffer: Buffer, start: number, end: number): ReplyOf<'optneg'> {
  if (end - start < OPTNEG_BYTES) {
    throw truncated('SMFIR_OPTNEG', 'version', 0, OPTNEG_BYTES, end - start);
  }
  const version = buffer.readUInt32BE(start);
  const actions = buffer.readUInt32BE(start + 4);
  const protocol = buffer.readUInt32BE(start + 8);
  const listsAt = start + OPTNEG_BYTES;
  if (listsAt === end) return { kind: 'optneg', version, actions, protocol };
  const macros: MacroList[] = [];
  for (let at = listsAt; at < end; ) {
    if (end - at < 4) throw truncated('SMFIR_OPTNEG', 'stage', at - start, 4, end - at);
    const namesAt = at + 4;
    const namesEnd = requiredNul(SMFIR.OPTNEG, 'names', buffer, start, namesAt, end);
    const names = splitMacroNames(bytesAsString(buffer, namesAt, namesEnd));
    macros.push({ stage: buffer.readUInt32BE(at), names });
    at = namesEnd + 1;
  }
  return { kind: 'optneg', version, actions, protocol, macros };
}

/** The string that is all the data. */
function readOnly(code: number, field: string, buffer: Buffer, start: number, end: number): string {
  return bytesAsString(buffer, start, lastNul(code, field, buffer, start, start, end));
}

function requiredNul(
  code: number,
  field: string,
  buffer: Buffer,
  start: number,
  from: number,
  end: number,
): number {
  const at = nulAt(buffer, from, end);
  if (at === -1) throw unterminated(replyName(code), field, from - start);
  return at;
}

/** The same for the last field: nothing may follow. */
function lastNul(
  code: number,
  field: string,
  buffer: Buffer,
  start: number,
  from: number,
  end: number,
): number {
  const at = requiredNul(code, field, buffer, start, from, end);
  if (at + 1 !== end) throw trailing(code, at + 1 - start, end - at - 1);
  return at;
}

function trailing(code: number, offset: number, count: number): MilterCodecError {
  const where = { packet: replyName(code), field: 'data', offset };
  const expected = 'the end of the packet';
  return new MilterCodecError('ERR_MILTER_TRAILING', where, expected, `${count} more bytes`);
}
