/**
 * What an MTA says. Where an MTA strays from the protocol and nothing is lost, it is
 * understood all the same:
 *
 * - bytes after the last field are ignored, as libmilter does: a later version may put
 *   something there (OPTNEG), and a C string ends at its first NUL anyway;
 * - the last string of HELO, HEADER, UNKNOWN and MACRO may lack its NUL; a macro without a
 *   value has the value '';
 * - MACRO may carry no macros, and macros for any command byte: Postfix sends both.
 *
 * CONNECT, MAIL and RCPT are strict: an address cut short would be another address, and
 * libmilter silently drops an argument without its NUL.
 */

import { commandName, SMFIA, SMFIC } from './codes.ts';
import { MilterCodecError } from './errors.ts';
import type { Command, CommandOf, Family, MacroValue } from './packets.ts';
import { bytesAsString, nulAt, stringEnd, truncated, unterminated } from './read-fields.ts';

const DATA: Command = Object.freeze({ kind: 'data' });
const EOH: Command = Object.freeze({ kind: 'eoh' });
const BODYEOB: Command = Object.freeze({ kind: 'bodyeob' });
const ABORT: Command = Object.freeze({ kind: 'abort' });
const QUIT: Command = Object.freeze({ kind: 'quit' });
const QUIT_NC: Command = Object.freeze({ kind: 'quitNc' });
const NO_ARGS: readonly string[] = Object.freeze([]);

/** The command whose code is `code` and whose data is `start` to `end` of `buffer`. */
export function readCommand(code: number, buffer: Buffer, start: number, end: number): Command {
  // In the order of how often they come.
  switch (code) {
    case SMFIC.HEADER:
      return readHeader(buffer, start, end);
    case SMFIC.MACRO:
      return readMacro(buffer, start, end);
    case SMFIC.BODY:
      return { kind: 'body', chunk: buffer.subarray(start, end) };
    case SMFIC.RCPT:
      return readEnvelope('rcpt', code, buffer, start, end);
    case SMFIC.MAIL:
      return readEnvelope('mail', code, buffer, start, end);
    case SMFIC.BODYEOB:
      return start === end ? BODYEOB : { kind: 'bodyeob', chunk: buffer.subarray(start, end) };
    case SMFIC.ABORT:
      return ABORT;
    case SMFIC.EOH:
      return EOH;
    case SMFIC.DATA:
      return DATA;
    case SMFIC.HELO:
      return { kind: 'helo', name: readLenient(buffer, start, end) };
    case SMFIC.CONNECT:
      return readConnect(buffer, start, end);
    case SMFIC.OPTNEG:
      return readOptneg(buffer, start, end);
    case SMFIC.QUIT:
      return QUIT;
    case SMFIC.UNKNOWN:
      return { kind: 'unknown', command: readLenient(buffer, start, end) };
    case SMFIC.QUIT_NC:
      return QUIT_NC;
    default: {
      const where = { packet: 'packet', field: 'code', offset: 0 };
      const got = commandName(code);
      throw new MilterCodecError('ERR_MILTER_UNKNOWN_COMMAND', where, 'a command', got);
    }
  }
}

function readLenient(buffer: Buffer, start: number, end: number): string {
  return bytesAsString(buffer, start, stringEnd(buffer, start, end));
}

function readHeader(buffer: Buffer, start: number, end: number): CommandOf<'header'> {
  const nameEnd = nulAt(buffer, start, end);
  if (nameEnd === -1) throw unterminated('SMFIC_HEADER', 'name', 0);
  const name = bytesAsString(buffer, start, nameEnd);
  return { kind: 'header', name, value: readLenient(buffer, nameEnd + 1, end) };
}

function readMacro(buffer: Buffer, start: number, end: number): CommandOf<'macro'> {
  if (start === end) throw truncated('SMFIC_MACRO', 'command', 0, 1, 0);
  const command = bytesAsString(buffer, start, start + 1);
  const values: MacroValue[] = [];
  for (let at = start + 1; at < end; ) {
    const nameEnd = stringEnd(buffer, at, end);
    // Past the end if the value is missing; then it is empty.
    const valueStart = Math.min(nameEnd + 1, end);
    const valueEnd = stringEnd(buffer, valueStart, end);
    values.push([bytesAsString(buffer, at, nameEnd), bytesAsString(buffer, valueStart, valueEnd)]);
    at = valueEnd + 1;
  }
  return { kind: 'macro', command, values };
}

function readEnvelope(
  kind: 'mail' | 'rcpt',
  code: number,
  buffer: Buffer,
  start: number,
  end: number,
): CommandOf<'mail' | 'rcpt'> {
  const addressEnd = nulAt(buffer, start, end);
  if (addressEnd === -1) throw unterminated(commandName(code), 'address', 0);
  const address = bytesAsString(buffer, start, addressEnd);
  let at = addressEnd + 1;
  if (at === end) return { kind, address, args: NO_ARGS };
  const args: string[] = [];
  while (at < end) {
    const argEnd = nulAt(buffer, at, end);
    if (argEnd === -1) throw unterminated(commandName(code), 'args', at - start);
    args.push(bytesAsString(buffer, at, argEnd));
    at = argEnd + 1;
  }
  return { kind, address, args };
}

function readConnect(buffer: Buffer, start: number, end: number): CommandOf<'connect'> {
  const hostnameEnd = nulAt(buffer, start, end);
  if (hostnameEnd === -1) throw unterminated('SMFIC_CONNECT', 'hostname', 0);
  const hostname = bytesAsString(buffer, start, hostnameEnd);
  const familyAt = hostnameEnd + 1;
  if (familyAt === end) throw truncated('SMFIC_CONNECT', 'family', familyAt - start, 1, 0);
  const family = familyOf(buffer[familyAt] ?? 0, familyAt - start);
  if (family === 'unknown') return { kind: 'connect', hostname, family, port: 0, address: '' };
  const portAt = familyAt + 1;
  if (end - portAt < 2) {
    throw truncated('SMFIC_CONNECT', 'port', portAt - start, 2, end - portAt);
  }
  const port = buffer.readUInt16BE(portAt);
  const addressAt = portAt + 2;
  const addressEnd = nulAt(buffer, addressAt, end);
  if (addressEnd === -1) throw unterminated('SMFIC_CONNECT', 'address', addressAt - start);
  const address = bytesAsString(buffer, addressAt, addressEnd);
  return { kind: 'connect', hostname, family, port, address };
}

function familyOf(code: number, offset: number): Family {
  switch (code) {
    case SMFIA.INET:
      return 'inet';
    case SMFIA.INET6:
      return 'inet6';
    case SMFIA.UNIX:
      return 'unix';
    case SMFIA.UNKNOWN:
      return 'unknown';
    default: {
      const where = { packet: 'SMFIC_CONNECT', field: 'family', offset };
      const got = `0x${code.toString(16)}`;
      throw new MilterCodecError('ERR_MILTER_FAMILY', where, "one of '4', '6', 'L', 'U'", got);
    }
  }
}

function readOptneg(buffer: Buffer, start: number, end: number): CommandOf<'optneg'> {
  if (end - start < 12) throw truncated('SMFIC_OPTNEG', 'version', 0, 12, end - start);
  return {
    kind: 'optneg',
    version: buffer.readUInt32BE(start),
    actions: buffer.readUInt32BE(start + 4),
    protocol: buffer.readUInt32BE(start + 8),
  };
}
