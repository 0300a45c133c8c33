/** Keys, a page at a time: SCAN on one master after the other. */

import { isUtf8 } from 'node:buffer';
import { KvError } from '../errors.ts';
import { shownKey } from '../key.ts';
import { MAX_KEY_BYTES, type PageOrder } from '../store.ts';
import type { RedisConnection } from './connection.ts';
import { textOf } from './reply.ts';

export interface KeyPage {
  readonly keys: readonly string[];
  readonly next?: string;
}

/** Looks of a page that find nothing, before it is given empty. */
const MAX_LOOKS = 10;

/** Redis's own cursors have 64 bits; it refuses others as it refuses a broken command. */
const MAX_CURSOR = 2n ** 64n - 1n;

/** Where a page begins: a master, and Redis's own cursor there, `'0'` at the beginning. */
interface Place {
  readonly name: string;
  readonly cursor: string;
}

/** Keys that begin with `prefix`; cursors are `host:port:cursor`, or `:cursor` without a cluster. */
export async function keyPage(
  connection: RedisConnection,
  prefix: string,
  { limit, cursor }: PageOrder,
): Promise<KeyPage> {
  const begun = cursor === undefined ? undefined : placeOf(cursor);
  const masters = await connection.masters();
  const { name, cursor: from } = begun ?? { name: masters[0]?.[0] ?? '', cursor: '0' };
  const at = masters.findIndex(([each]) => each === name);
  const [, master] = masters[at] ?? [];
  if (!master) throw begun ? unknownMaster(connection, name) : withoutMasters(connection);
  const keys: string[] = [];
  let place = from;
  for (let looks = 0; looks < MAX_LOOKS && keys.length === 0; looks++) {
    const pattern = `${escaped(prefix)}*`;
    const reply = await connection.ask(master, 'scan', place, 'MATCH', pattern, 'COUNT', limit);
    const [next, found] = reply as readonly [unknown, readonly Buffer[]];
    place = textOf(next);
    keys.push(...found.filter(isKey).map((key) => key.toString('utf8')));
    if (place === '0') break;
  }
  const next = place !== '0' ? `${name}:${place}` : nextMaster(masters[at + 1]);
  return { keys, ...(next !== undefined && { next }) };
}

function nextMaster(master: readonly [name: string, ...unknown[]] | undefined): string | undefined {
  return master && `${master[0]}:0`;
}

function placeOf(cursor: string): Place {
  const [, name, place] = /^(.*):(\d{1,20})$/.exec(cursor) ?? [];
  if (name === undefined || place === undefined || BigInt(place) > MAX_CURSOR) {
    const message = `expected a cursor that a page of this store gave, got '${shownKey(cursor)}'; begin the scan again`;
    throw new KvError('ERR_KV_ARGUMENT', message);
  }
  return { name, cursor: place };
}

/** Not a failure of the store: a filter can make up any cursor. */
function unknownMaster({ shown }: RedisConnection, name: string): KvError {
  const message = `${shown}: the cursor is of '${shownKey(name)}', which is no master here, or none any more; begin the scan again`;
  return new KvError('ERR_KV_ARGUMENT', message);
}

function withoutMasters({ shown }: RedisConnection): KvError {
  const message = `${shown}: the cluster has no master now; look at redis-cli cluster info`;
  return new KvError('ERR_KV_UNAVAILABLE', message);
}

/** Keys of other programs may be anything; what is no key here cannot be asked for. */
function isKey(key: Buffer): boolean {
  return key.length > 0 && key.length <= MAX_KEY_BYTES && isUtf8(key);
}

/** A text in which no character stands for others in MATCH. */
function escaped(prefix: string): string {
  return prefix.replace(/[\\*?[\]^-]/g, '\\$&');
}
