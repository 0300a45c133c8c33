/** `hash` as authors see it; the worker computes. */

import type { Hash } from './api-network.ts';
import { latin1FromBytes } from './bytes.ts';
import { currentEvent } from './current.ts';
import { request } from './outbox.ts';

function digest(name: keyof Hash): (value: string | Uint8Array) => Promise<string> {
  return async (value) => {
    const carried = value instanceof Uint8Array ? { bytes: latin1FromBytes(value) } : value;
    if (typeof carried !== 'string' && !(value instanceof Uint8Array))
      throw new TypeError(`hash.${name}: expected a text or bytes, got ${typeof value}`);
    return (await request(currentEvent(), `hash.${name}`, [carried])) as string;
  };
}

export const hash: Hash = Object.freeze({
  sha256: digest('sha256'),
  sha1: digest('sha1'),
  md5: digest('md5'),
});
