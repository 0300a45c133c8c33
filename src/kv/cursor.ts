/** Where the next page of a scan begins: after the key that was the last of the page before. */

import { KvError } from './errors.ts';
import { MAX_KEY_BYTES } from './store.ts';

export function formatCursor(lastKey: Uint8Array): string {
  return Buffer.from(lastKey).toString('base64url');
}

/** The last key, which begins with the prefix of the scan; throws {@link KvError} for any other text. */
export function parseCursor(cursor: string, prefix: string): Buffer {
  const start = Buffer.from(prefix, 'utf8');
  const key = Buffer.from(cursor, 'base64url');
  if (key.length <= MAX_KEY_BYTES && key.subarray(0, start.length).equals(start)) return key;
  throw new KvError('ERR_KV_ARGUMENT', 'scan: expected the cursor that the page before gave');
}
