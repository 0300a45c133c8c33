/** What a filter answers, as bytes. */

import { SMFIR } from './codes.ts';
import { joinMacroNames } from './macro-names.ts';
import type { Reply, ReplyOf } from './packets.ts';
import { checkReplycodeHead } from './replycode.ts';
import { SIMPLE_REPLY_CODES, simplePacket } from './simple-replies.ts';
import {
  chunkBytes,
  type EncodeOptions,
  filledStringBytes,
  HEAD_BYTES,
  stringBytes,
  uint32Bytes,
  writeChunk,
  writeHead,
  writeString,
} from './write-fields.ts';

const DEFAULTS: EncodeOptions = {};
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * The packet of one reply. Throws `MilterCodecError` for what the wire cannot hold or MTAs
 * refuse. Simple replies (continue, accept, ...) are the same buffer each time: do not write
 * into it.
 */
export function encodeReply(reply: Reply, options: EncodeOptions = DEFAULTS): Buffer {
  const simple = simplePacket(reply.kind);
  if (simple !== undefined) return simple;
  const buffer = Buffer.allocUnsafe(measure(reply, options));
  write(reply, buffer, 0);
  return buffer;
}

/**
 * The packets of all replies in one buffer, for one write: MTAs then see all modifications
 * and the final reply at once. Throws like {@link encodeReply}; then there are no bytes of
 * any of them.
 */
export function encodeReplies(
  replies: readonly Reply[],
  options: EncodeOptions = DEFAULTS,
): Buffer {
  const [first] = replies;
  if (first === undefined) return NOTHING;
  if (replies.length === 1) return encodeReply(first, options);
  let bytes = 0;
  for (const reply of replies) bytes += measure(reply, options);
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const reply of replies) at = write(reply, buffer, at);
  return buffer;
}

/** Bytes of the whole packet; this is where replies are refused. */
function measure(reply: Reply, options: EncodeOptions): number {
  switch (reply.kind) {
    case 'addheader':
      return HEAD_BYTES + headerBytes('SMFIR_ADDHEADER', reply);
    case 'insheader':
      return HEAD_BYTES + indexedHeaderBytes('SMFIR_INSHEADER', reply);
    case 'chgheader':
      return HEAD_BYTES + indexedHeaderBytes('SMFIR_CHGHEADER', reply);
    case 'replbody':
      return HEAD_BYTES + chunkBytes('SMFIR_REPLBODY', reply.chunk, options);
    case 'addrcpt':
      return HEAD_BYTES + filledStringBytes('SMFIR_ADDRCPT', 'address', reply.address);
    case 'delrcpt':
      return HEAD_BYTES + filledStringBytes('SMFIR_DELRCPT', 'address', reply.address);
    case 'addrcptPar':
      return HEAD_BYTES + addressBytes('SMFIR_ADDRCPT_PAR', reply);
    case 'chgfrom':
      return HEAD_BYTES + addressBytes('SMFIR_CHGFROM', reply);
    case 'quarantine':
      return HEAD_BYTES + filledStringBytes('SMFIR_QUARANTINE', 'reason', reply.reason);
    case 'replycode':
      checkReplycodeHead(reply.text);
      return HEAD_BYTES + stringBytes('SMFIR_REPLYCODE', 'text', reply.text);
    case 'optneg':
      return HEAD_BYTES + optnegBytes(reply);
    default:
      // Without types a typing error would become a packet with the code 0.
      if (Object.hasOwn(SIMPLE_REPLY_CODES, reply.kind)) return HEAD_BYTES;
      throw new TypeError(`expected a kind of reply, got ${JSON.stringify(reply.kind)}`);
  }
}

function headerBytes(packet: string, reply: { readonly name: string; readonly value: string }) {
  return filledStringBytes(packet, 'name', reply.name) + stringBytes(packet, 'value', reply.value);
}

function indexedHeaderBytes(packet: string, reply: ReplyOf<'insheader' | 'chgheader'>): number {
  return uint32Bytes(packet, 'index', reply.index) + headerBytes(packet, reply);
}

function addressBytes(packet: string, reply: ReplyOf<'addrcptPar' | 'chgfrom'>): number {
  const bytes = filledStringBytes(packet, 'address', reply.address);
  return hasArgs(reply) ? bytes + stringBytes(packet, 'args', reply.args) : bytes;
}

/**
 * An empty second string is never sent: Sendmail takes it for arguments that replace the
 * ones from the SMTP client (BODY, RET, ENVID, ...) by none.
 */
function hasArgs<T extends { readonly args?: string }>(reply: T): reply is T & { args: string } {
  return reply.args !== undefined && reply.args !== '';
}

function optnegBytes(reply: ReplyOf<'optneg'>): number {
  let bytes = uint32Bytes('SMFIR_OPTNEG', 'version', reply.version);
  bytes += uint32Bytes('SMFIR_OPTNEG', 'actions', reply.actions);
  bytes += uint32Bytes('SMFIR_OPTNEG', 'protocol', reply.protocol);
  for (const { stage, names } of reply.macros ?? []) {
    bytes += uint32Bytes('SMFIR_OPTNEG', 'stage', stage);
    bytes += stringBytes('SMFIR_OPTNEG', 'names', joinMacroNames(names));
  }
  return bytes;
}

/** Writes the packet to `start`; gives the place after it. */
function write(reply: Reply, buffer: Buffer, start: number): number {
  const data = start + HEAD_BYTES;
  switch (reply.kind) {
    case 'addheader':
      return writeHead(buffer, start, writeHeader(buffer, data, reply), SMFIR.ADDHEADER);
    case 'insheader':
      return writeHead(buffer, start, writeIndexedHeader(buffer, data, reply), SMFIR.INSHEADER);
    case 'chgheader':
      return writeHead(buffer, start, writeIndexedHeader(buffer, data, reply), SMFIR.CHGHEADER);
    case 'replbody':
      return writeHead(buffer, start, writeChunk(buffer, data, reply.chunk), SMFIR.REPLBODY);
    case 'addrcpt':
      return writeHead(buffer, start, writeString(buffer, data, reply.address), SMFIR.ADDRCPT);
    case 'delrcpt':
      return writeHead(buffer, start, writeString(buffer, data, reply.address), SMFIR.DELRCPT);
    case 'addrcptPar':
      return writeHead(buffer, start, writeAddress(buffer, data, reply), SMFIR.ADDRCPT_PAR);
    case 'chgfrom':
      return writeHead(buffer, start, writeAddress(buffer, data, reply), SMFIR.CHGFROM);
    case 'quarantine':
      return writeHead(buffer, start, writeString(buffer, data, reply.reason), SMFIR.QUARANTINE);
    case 'replycode':
      return writeHead(buffer, start, writeString(buffer, data, reply.text), SMFIR.REPLYCODE);
    case 'optneg':
      return writeHead(buffer, start, writeOptneg(buffer, data, reply), SMFIR.OPTNEG);
    default:
      return writeHead(buffer, start, data, SIMPLE_REPLY_CODES[reply.kind]);
  }
}

function writeHeader(buffer: Buffer, at: number, reply: { name: string; value: string }): number {
  return writeString(buffer, writeString(buffer, at, reply.name), reply.value);
}

function writeIndexedHeader(
  buffer: Buffer,
  at: number,
  reply: ReplyOf<'insheader' | 'chgheader'>,
): number {
  return writeHeader(buffer, buffer.writeUInt32BE(reply.index, at), reply);
}

function writeAddress(
  buffer: Buffer,
  at: number,
  reply: ReplyOf<'addrcptPar' | 'chgfrom'>,
): number {
  const end = writeString(buffer, at, reply.address);
  return hasArgs(reply) ? writeString(buffer, end, reply.args) : end;
}

function writeOptneg(buffer: Buffer, start: number, reply: ReplyOf<'optneg'>): number {
  let at = buffer.writeUInt32BE(reply.version, start);
  at = buffer.writeUInt32BE(reply.actions, at);
  at = buffer.writeUInt32BE(reply.protocol, at);
  for (const { stage, names } of reply.macros ?? []) {
    at = writeString(buffer, buffer.writeUInt32BE(stage, at), joinMacroNames(names));
  }
  return at;
}
