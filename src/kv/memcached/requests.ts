/**
 * memcached's binary protocol with its compare-and-swap, which memjs speaks but does not
 * offer: the header of each answer has the version ("cas") of the item, and a request
 * with a version in its header is performed only on that version. memjs makes the
 * requests, with 0 (any version) in that place.
 *
 * An item is replaced by `replace`, never by `set`: a `set` that does not fit makes
 * memcached throw the present item away.
 */

import { type Response, Utils } from 'memjs';

/** Bytes 16 to 23 of the header. */
const CAS_OFFSET = 16;

/** PROTOCOL_BINARY_CMD_... */
const OPCODE = { get: 0x00, add: 0x02, replace: 0x03, delete: 0x04 } as const;

/** PROTOCOL_BINARY_RESPONSE_... */
export const STATUS = {
  success: 0x00,
  /** KEY_ENOENT */
  absent: 0x01,
  /** KEY_EEXISTS: of another version. */
  exists: 0x02,
  /** E2BIG */
  tooLarge: 0x03,
  notStored: 0x05,
  /** ENOMEM */
  outOfMemory: 0x82,
} as const;

/** Makes the request once it is known which number it has. */
export type Request = (opaque: number) => Buffer;

export function getting(key: string): Request {
  return (opaque) => Utils.makeRequestBuffer(OPCODE.get, key, '', '', opaque);
}

/** `expiration`: see {@link expirationIn}. */
export function adding(key: string, value: Buffer, expiration: number): Request {
  return (opaque) => Utils.makeRequestBuffer(OPCODE.add, key, extras(expiration), value, opaque);
}

export function replacing(key: string, value: Buffer, expiration: number, cas: Buffer): Request {
  return (opaque) =>
    onVersion(cas, Utils.makeRequestBuffer(OPCODE.replace, key, extras(expiration), value, opaque));
}

export function deleting(key: string, cas: Buffer): Request {
  return (opaque) => onVersion(cas, Utils.makeRequestBuffer(OPCODE.delete, key, '', '', opaque));
}

/** The status of an answer, and the version that it tells of. */
export function statusOf({ header }: Response): { readonly status: number; readonly cas: Buffer } {
  // A copy: the header is a part of all that was received with it.
  return { status: header.status, cas: Buffer.from(header.cas) };
}

/** More seconds than these are a time of day to memcached. */
const MAX_RELATIVE_S = 30 * 24 * 3600;

/** Four bytes, in the year 2106. */
const MAX_ABSOLUTE_S = 2 ** 32 - 1;

/** What memcached means by never. */
export const NO_EXPIRATION = 0;

/**
 * memcached's expiration for an item with `leftMs` to live. Its clock goes by whole
 * seconds, so one more is added: it never forgets an entry before the entry's own time.
 */
export function expirationIn(leftMs: number): number {
  const seconds = Math.max(Math.ceil(leftMs / 1000), 0) + 1;
  if (seconds <= MAX_RELATIVE_S) return seconds;
  const timeOfDay = Math.ceil(Date.now() / 1000) + seconds;
  return timeOfDay <= MAX_ABSOLUTE_S ? timeOfDay : NO_EXPIRATION;
}

/** Flags, which we have no use for, and the expiration. */
function extras(expiration: number): Buffer {
  return Buffer.concat([Buffer.alloc(4), Utils.makeExpiration(expiration)]);
}

function onVersion(cas: Buffer, request: Buffer): Buffer {
  cas.copy(request, CAS_OFFSET);
  return request;
}
