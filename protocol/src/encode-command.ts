/** What an MTA says, as bytes. */

import { SMFIA, SMFIC } from './codes.ts';
import type { Command, CommandOf, Family } from './packets.ts';
import {
  chunkBytes,
  type EncodeOptions,
  HEAD_BYTES,
  refusal,
  stringBytes,
  uint16Bytes,
  uint32Bytes,
  writeChunk,
  writeHead,
  writeString,
} from './write-fields.ts';

const DEFAULTS: EncodeOptions = {};
const NOTHING: Buffer = Buffer.alloc(0);

const FAMILY_CODES: Readonly<Record<Family, number>> = {
  inet: SMFIA.INET,
  inet6: SMFIA.INET6,
  unix: SMFIA.UNIX,
  unknown: SMFIA.UNKNOWN,
};

/** The packet of one command. Throws `MilterCodecError` for what the wire cannot hold. */
export function encodeCommand(command: Command, options: EncodeOptions = DEFAULTS): Buffer {
  const buffer = Buffer.allocUnsafe(HEAD_BYTES + dataBytes(command, options));
  writeHead(buffer, 0, buffer.length, write(command, buffer));
  return buffer;
}

/** Bytes of the packet's data; this is where commands are refused. */
function dataBytes(command: Command, options: EncodeOptions): number {
  switch (command.kind) {
    case 'optneg':
      return (
        uint32Bytes('SMFIC_OPTNEG', 'version', command.version) +
        uint32Bytes('SMFIC_OPTNEG', 'actions', command.actions) +
        uint32Bytes('SMFIC_OPTNEG', 'protocol', command.protocol)
      );
    case 'macro':
      return macroBytes(command);
    case 'connect':
      return connectBytes(command);
    case 'helo':
      return stringBytes('SMFIC_HELO', 'name', command.name);
    case 'mail':
      return envelopeBytes('SMFIC_MAIL', command);
    case 'rcpt':
      return envelopeBytes('SMFIC_RCPT', command);
    case 'header':
      return (
        stringBytes('SMFIC_HEADER', 'name', command.name) +
        stringBytes('SMFIC_HEADER', 'value', command.value)
      );
    case 'body':
      return chunkBytes('SMFIC_BODY', command.chunk, options);
    case 'bodyeob':
      return chunkBytes('SMFIC_BODYEOB', command.chunk ?? NOTHING, options);
    case 'unknown':
      return stringBytes('SMFIC_UNKNOWN', 'command', command.command);
    case 'data':
    case 'eoh':
    case 'abort':
    case 'quit':
    case 'quitNc':
      return 0;
    default:
      return command satisfies never;
  }
}

function macroBytes({ command, values }: CommandOf<'macro'>): number {
  if (command.length !== 1 || command.charCodeAt(0) > 0xff) {
    const got = JSON.stringify(command);
    throw refusal('ERR_MILTER_MACRO', 'SMFIC_MACRO', 'command', 0, 'one byte', got);
  }
  let bytes = 1;
  for (const [name, value] of values) {
    bytes += stringBytes('SMFIC_MACRO', 'name', name) + stringBytes('SMFIC_MACRO', 'value', value);
  }
  return bytes;
}

function connectBytes({ hostname, family, port, address }: CommandOf<'connect'>): number {
  const bytes = stringBytes('SMFIC_CONNECT', 'hostname', hostname) + 1;
  if (family !== 'unknown') {
    const portBytes = uint16Bytes('SMFIC_CONNECT', 'port', port);
    return bytes + portBytes + stringBytes('SMFIC_CONNECT', 'address', address);
  }
  if (port === 0 && address === '') return bytes;
  const expected = "port 0 and address '' with the family unknown";
  const got = `port ${port} and address ${JSON.stringify(address)}`;
  throw refusal('ERR_MILTER_FAMILY', 'SMFIC_CONNECT', 'family', 0, expected, got);
}

function envelopeBytes(packet: string, { address, args }: CommandOf<'mail' | 'rcpt'>): number {
  let bytes = stringBytes(packet, 'address', address);
  for (const arg of args) bytes += stringBytes(packet, 'args', arg);
  return bytes;
}

/** Writes the data; gives the code. */
function write(command: Command, buffer: Buffer): number {
  switch (command.kind) {
    case 'optneg':
      buffer.writeUInt32BE(command.version, HEAD_BYTES);
      buffer.writeUInt32BE(command.actions, HEAD_BYTES + 4);
      buffer.writeUInt32BE(command.protocol, HEAD_BYTES + 8);
      return SMFIC.OPTNEG;
    case 'macro':
      return writeMacro(buffer, command);
    case 'connect':
      return writeConnect(buffer, command);
    case 'helo':
      writeString(buffer, HEAD_BYTES, command.name);
      return SMFIC.HELO;
    case 'mail':
      writeEnvelope(buffer, command);
      return SMFIC.MAIL;
    case 'rcpt':
      writeEnvelope(buffer, command);
      return SMFIC.RCPT;
    case 'header':
      writeString(buffer, writeString(buffer, HEAD_BYTES, command.name), command.value);
      return SMFIC.HEADER;
    case 'body':
      writeChunk(buffer, HEAD_BYTES, command.chunk);
      return SMFIC.BODY;
    case 'bodyeob':
      writeChunk(buffer, HEAD_BYTES, command.chunk ?? NOTHING);
      return SMFIC.BODYEOB;
    case 'unknown':
      writeString(buffer, HEAD_BYTES, command.command);
      return SMFIC.UNKNOWN;
    case 'data':
      return SMFIC.DATA;
    case 'eoh':
      return SMFIC.EOH;
    case 'abort':
      return SMFIC.ABORT;
    case 'quit':
      return SMFIC.QUIT;
    case 'quitNc':
      return SMFIC.QUIT_NC;
    default:
      return command satisfies never;
  }
}

function writeMacro(buffer: Buffer, { command, values }: CommandOf<'macro'>): number {
  buffer[HEAD_BYTES] = command.charCodeAt(0);
  let at = HEAD_BYTES + 1;
  for (const [name, value] of values) {
    at = writeString(buffer, writeString(buffer, at, name), value);
  }
  return SMFIC.MACRO;
}

function writeConnect(buffer: Buffer, command: CommandOf<'connect'>): number {
  const at = writeString(buffer, HEAD_BYTES, command.hostname);
  buffer[at] = FAMILY_CODES[command.family];
  if (command.family !== 'unknown') {
    writeString(buffer, buffer.writeUInt16BE(command.port, at + 1), command.address);
  }
  return SMFIC.CONNECT;
}

function writeEnvelope(buffer: Buffer, { address, args }: CommandOf<'mail' | 'rcpt'>): void {
  let at = writeString(buffer, HEAD_BYTES, address);
  for (const arg of args) at = writeString(buffer, at, arg);
}
