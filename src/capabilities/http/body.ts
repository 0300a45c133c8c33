/** The body of an answer: unpacked, and no larger than it may be. */

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';

/** The answer is larger than it may be, packed or unpacked. */
export class BodyTooLarge extends Error {}

/** Reads no further than the limit. Rejects with {@link BodyTooLarge}, and what network and decoders throw. */
export async function readBody(
  answer: IncomingMessage,
  method: string,
  maxBytes: number,
): Promise<Buffer> {
  if (hasNoBody(answer, method)) {
    answer.resume();
    return Buffer.alloc(0);
  }
  const decoder = await decoderFor(answer);
  const collected: Buffer[] = [];
  const collect = async (chunks: Chunks) => {
    for await (const chunk of atMost(maxBytes)(chunks)) collected.push(chunk);
  };
  if (decoder) await pipeline(answer, atMost(maxBytes), decoder, collect);
  else await pipeline(answer, collect);
  return Buffer.concat(collected);
}

type Chunks = AsyncIterable<Buffer>;

function atMost(maxBytes: number): (chunks: Chunks) => AsyncGenerator<Buffer> {
  return async function* (chunks) {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new BodyTooLarge();
      yield chunk;
    }
  };
}

/** One packing is undone. Several, or one that we did not offer, are left to the filter. */
async function decoderFor(answer: IncomingMessage): Promise<Transform | undefined> {
  switch ((answer.headers['content-encoding'] ?? '').trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'deflate':
      // With the zlib header, as RFC 9110 section 8.4.1.2 wants it, or without, as some servers do.
      return ((await firstByte(answer)) & 0x0f) === 8 ? createInflate() : createInflateRaw();
    default:
      return undefined;
  }
}

async function firstByte(answer: IncomingMessage): Promise<number> {
  await once(answer, 'readable');
  const chunk = answer.read(1) as Buffer | null;
  if (chunk) answer.unshift(chunk);
  return chunk?.[0] ?? 0;
}

/** RFC 9112 section 6.3. */
function hasNoBody({ statusCode }: IncomingMessage, method: string): boolean {
  return method === 'HEAD' || statusCode === 204 || statusCode === 304;
}
