/** The body of a request, up to a limit. */

import type { IncomingMessage } from 'node:http';
import { BadRequest } from '../bad-request.ts';

/** Rejects with {@link BadRequest}: 413 when it is longer, 400 when the caller goes away before its end. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLong = () => new BadRequest(413, `expected at most ${limit} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLong();
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.pause();
        reject(tooLong());
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => reject(new BadRequest(400, 'the caller went away')));
  });
}
