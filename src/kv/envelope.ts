/**
 * An entry as one value of a server that keeps bytes under keys (etcd, memcached):
 *
 *     expiry (6 bytes) | value
 *
 * The expiry is milliseconds since 1970, big-endian, 0 for never. It is part of what is
 * compared and swapped, and exact; the server's own expiry only frees the room later.
 */

import type { Entry } from './entry.ts';
import { KvError } from './errors.ts';
import { shownKey } from './key.ts';

export const EXPIRY_BYTES = 6;

export function packEnvelope({ expiryMs, value }: Entry): Buffer {
  const packed = Buffer.allocUnsafe(EXPIRY_BYTES + value.byteLength);
  packed.writeUIntBE(expiryMs, 0, EXPIRY_BYTES);
  packed.set(value, EXPIRY_BYTES);
  return packed;
}

/** Throws {@link KvError} `ERR_KV_VALUE` for bytes that are too few to be an entry. */
export function unpackEnvelope(key: string, packed: Buffer): Entry {
  if (packed.length < EXPIRY_BYTES) {
    const message = `${shownKey(key)}: expected an entry of Postern, got ${packed.length} bytes that another program wrote; use another prefix or server, or delete the key there`;
    throw new KvError('ERR_KV_VALUE', message);
  }
  return {
    expiryMs: packed.readUIntBE(0, EXPIRY_BYTES),
    value: packed.subarray(EXPIRY_BYTES),
  };
}
