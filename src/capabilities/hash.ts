/** `hash` of a filter: digests as hex. MD5 and SHA-1 are for lists that are keyed by them, not for secrets. */

import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { CapabilityFailure } from './failure.ts';

const ALGORITHMS: readonly string[] = ['sha256', 'sha1', 'md5'];

/** A text, hashed as UTF-8, or bytes as latin1. */
const Arguments = z.tuple([z.union([z.string(), z.strictObject({ bytes: z.string() })])]);

/** Others get their turn in between: a large message takes a good part of a second. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** The digest in lower case hex. Throws ERR_ARGUMENT, ERR_UNKNOWN_CAPABILITY. */
export async function performHash(name: string, args: readonly unknown[]): Promise<string> {
  if (!ALGORITHMS.includes(name)) {
    throw new CapabilityFailure(
      'ERR_UNKNOWN_CAPABILITY',
      `hash has no ${JSON.stringify(name.slice(0, 40))}`,
    );
  }
  const parsed = Arguments.safeParse(args);
  if (!parsed.success)
    throw new CapabilityFailure('ERR_ARGUMENT', `hash.${name}: expected a text or bytes`);
  const [given] = parsed.data;
  const bytes =
    typeof given === 'string' ? Buffer.from(given, 'utf8') : Buffer.from(given.bytes, 'latin1');
  const hash = createHash(name);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    if (at > 0) await turn();
    hash.update(bytes.subarray(at, at + CHUNK_BYTES));
  }
  return hash.digest('hex');
}
