/** A new body on its way to the MTA. */

import { MILTER_CHUNK_SIZE } from './limits.ts';
import type { ReplyOf } from './packets.ts';

/**
 * The REPLBODY replies that carry this body, in order; nothing may be sent between them
 * (Postfix refuses that). Chunks are slices of the body, not copies. An empty body is one
 * empty reply: none at all would leave the old body in place.
 *
 * @param maxChunk bytes of each reply but the last; a RangeError if below 1
 */
export function splitBody(body: Buffer, maxChunk = MILTER_CHUNK_SIZE): ReplyOf<'replbody'>[] {
  if (!Number.isSafeInteger(maxChunk) || maxChunk < 1) {
    throw new RangeError(`expected maxChunk to be a whole number from 1 on, got ${maxChunk}`);
  }
  const replies: ReplyOf<'replbody'>[] = [];
  let at = 0;
  do {
    replies.push({ kind: 'replbody', chunk: body.subarray(at, at + maxChunk) });
    at += maxChunk;
  } while (at < body.length);
  return replies;
}
