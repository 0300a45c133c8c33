/** Sizes in bytes that the protocol, or what others made of it, sets. */

import { SMFIP } from './flags.ts';

/** The largest body chunk, each way, unless an MDS bit was negotiated (MILTER_CHUNK_SIZE). */
export const MILTER_CHUNK_SIZE = 65_535;
/** The largest body chunk with SMFIP_MDS_256K (MILTER_MDS_256K). */
export const MILTER_MDS_256K = 262_143;
/** The largest body chunk with SMFIP_MDS_1M (MILTER_MDS_1M). */
export const MILTER_MDS_1M = 1_048_575;

/**
 * The largest packet that a decoder takes unless told otherwise: code byte and data, as the
 * length field counts them. It holds a body chunk of SMFIP_MDS_1M, and Postfix's header
 * packets, which pass 64 KiB (header_size_limit is 102400 by default).
 */
export const DEFAULT_MAX_PACKET_BYTES = 1_114_112; // 1 MiB + 64 KiB

/** Lines of a REPLYCODE (libmilter's smfi_setmlreply). */
export const MAX_REPLY_LINES = 32;
/** Bytes of text on each line of a REPLYCODE, without code and status (MAXREPLYLEN). */
export const MAX_REPLY_LINE_BYTES = 980;

/** The largest body chunk under the negotiated protocol flags. */
export function maxChunkBytes(protocol: number): number {
  if ((protocol & SMFIP.MDS_1M) !== 0) return MILTER_MDS_1M;
  return (protocol & SMFIP.MDS_256K) !== 0 ? MILTER_MDS_256K : MILTER_CHUNK_SIZE;
}
