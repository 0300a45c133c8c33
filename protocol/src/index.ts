/**
 * The milter protocol, versions 2 to 6, both directions: bytes to packets and packets to
 * bytes, without I/O.
 */

export { plainAddress } from './address.ts';
export { splitBody } from './body.ts';
export { commandName, replyName, SMFIA, SMFIC, SMFIR } from './codes.ts';
export {
  CommandDecoder,
  type DecoderOptions,
  decodeCommand,
  decodeReply,
  type Frame,
  PacketDecoder,
  ReplyDecoder,
} from './decoder.ts';
export { encodeCommand } from './encode-command.ts';
export { encodeReplies, encodeReply } from './encode-reply.ts';
export { type ErrorPlace, MilterCodecError, type MilterErrorCode } from './errors.ts';
export {
  SMFI_CURR_ACTS,
  SMFI_CURR_PROT,
  SMFI_INTERNAL,
  SMFI_PROT_VERSION,
  SMFI_PROT_VERSION_MIN,
  SMFI_V1_ACTS,
  SMFI_V1_PROT,
  SMFI_V2_ACTS,
  SMFI_V2_PROT,
  SMFIF,
  SMFIM,
  SMFIP,
} from './flags.ts';
export { foldedHeaderValue, isHeaderName } from './headers.ts';
export {
  DEFAULT_MAX_PACKET_BYTES,
  MAX_REPLY_LINE_BYTES,
  MAX_REPLY_LINES,
  MILTER_CHUNK_SIZE,
  MILTER_MDS_1M,
  MILTER_MDS_256K,
  maxChunkBytes,
} from './limits.ts';
export type {
  Command,
  CommandOf,
  Family,
  MacroList,
  MacroValue,
  Reply,
  ReplyOf,
  SimpleReply,
} from './packets.ts';
export { formatReplycode, parseReplycode, type Replycode } from './replycode.ts';
export { decodeText, encodeText } from './text.ts';
export type { EncodeOptions } from './write-fields.ts';
