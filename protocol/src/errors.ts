/** The one error of this package. */

/**
 * What went wrong; stable. The first group comes from decoding: the peer broke the protocol,
 * nothing after that byte can be trusted, and the connection should be closed. The second
 * group comes from encoding: the caller asked for a packet that the wire cannot hold.
 */
export type MilterErrorCode =
  /** A packet of length 0: not even a code byte. */
  | 'ERR_MILTER_EMPTY_PACKET'
  /** A packet longer than `maxPacketBytes`. */
  | 'ERR_MILTER_PACKET_TOO_BIG'
  /** A code byte that is no command. */
  | 'ERR_MILTER_UNKNOWN_COMMAND'
  /** A code byte that is no reply. */
  | 'ERR_MILTER_UNKNOWN_REPLY'
  /** The packet ends inside a number or before a field. */
  | 'ERR_MILTER_TRUNCATED'
  /** A string without its final NUL. */
  | 'ERR_MILTER_UNTERMINATED'
  /** A reply with bytes after its last field. */
  | 'ERR_MILTER_TRAILING'
  /** An unknown address family; when encoding also an address without a family. */
  | 'ERR_MILTER_FAMILY'
  /** A NUL inside a string. */
  | 'ERR_MILTER_NUL'
  /** A character over 0xFF: text that did not go through `encodeText`. */
  | 'ERR_MILTER_NOT_BYTES'
  /** A number that is not a whole one in the range of its field. */
  | 'ERR_MILTER_NUMBER'
  /** An empty string where MTAs refuse one. */
  | 'ERR_MILTER_EMPTY_STRING'
  /** A body chunk longer than negotiated. */
  | 'ERR_MILTER_CHUNK_TOO_BIG'
  /** A macro name that cannot stand in a list, or a macro command that is not one byte. */
  | 'ERR_MILTER_MACRO'
  /** The text of a REPLYCODE that MTAs refuse. */
  | 'ERR_MILTER_REPLYCODE'
  /** A header value that would break the message apart. */
  | 'ERR_MILTER_HEADER_VALUE';

/** Where it went wrong. */
export interface ErrorPlace {
  /** The C name of the packet, such as `SMFIC_HEADER`; `packet` when it has no name yet. */
  readonly packet: string;
  /** The field inside of the packet, such as `value`. */
  readonly field: string;
  /**
   * In bytes. While decoding: from the start of the packet's data, and for the length of a
   * packet, where the packet starts in the stream. While encoding: from the start of the field.
   */
  readonly offset: number;
}

/** Everything that this package refuses. The message says what was expected and what came. */
export class MilterCodecError extends Error {
  override readonly name = 'MilterCodecError';
  readonly code: MilterErrorCode;
  readonly where: ErrorPlace;

  constructor(code: MilterErrorCode, where: ErrorPlace, expected: string, got: string) {
    super(`${where.packet} ${where.field}, byte ${where.offset}: expected ${expected}, got ${got}`);
    this.code = code;
    this.where = where;
  }
}
