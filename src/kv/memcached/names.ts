/** Our keys as memcached's keys. */

import { createHash } from 'node:crypto';

/** memcached's KEY_MAX_LENGTH, in bytes. */
const MAX_BYTES = 250;

const ESCAPE = '~';

/**
 * The key itself, or `~` and its SHA-256 in base64url if it is too long for memcached, has
 * spaces or control characters (which other clients of the server could not name), or
 * begins with `~`. A key that stays as it is never begins with `~` and one that is
 * replaced always does, so two keys become one only if their SHA-256 is the same.
 */
export function itemName(key: string): string {
  const isPlain =
    !/^~|[\u0000-\u0020\u007f]/.test(key) && Buffer.byteLength(key, 'utf8') <= MAX_BYTES;
  return isPlain ? key : ESCAPE + createHash('sha256').update(key, 'utf8').digest('base64url');
}
