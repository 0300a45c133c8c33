/** Keys, a page at a time: SCAN on one master after the other. */

import { isUtf8 } from 'node:buffer';
import { KvError } from '../errors.ts';
import { MAX_KEY_BYTES, type PageOrder } from '../store.ts';
import type { RedisConnection } from './connection.ts';
import { textOf } from './reply.ts';

export interface KeyPage {
  readonly keys: readonly string[];
  readonly next?: string;
}

/** Looks of a page that find nothing, before it is given empty. */
const MAX_LOOKS = 10;

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
  const masters = await connection.masters();
  const { name, cursor: from } = placeOf(cursor, masters[0]?.[0] ?? '');
  const at = masters.findIndex(([each]) => each === name);
  const [, master] = masters[at] ?? [];
  if (!master) {
    const message = `${connection.shown}: ${name} has left the cluster, or is no master any more; list from the beginning`;
    throw new KvError('ERR_KV_UNAVAILABLE', message);
  }
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

function placeOf(cursor: string | undefined, first: string): Place {
  if (cursor === undefined) return { name: first, cursor: '0' };
  const [, name, place] = /^(.*):(\d{1,20})$/.exec(cursor) ?? [];
  if (name === undefined || place === undefined) {
    const message = `expected a cursor that a page of this store gave, got ${JSON.stringify(cursor)}`;
    throw new KvError('ERR_KV_ARGUMENT', message);
  }
  return { name, cursor: place };
}

/** Keys of other programs may be anything; what is no key here cannot be asked for. */
function isKey(key: Buffer): boolean {
  return key.length > 0 && key.length <= MAX_KEY_BYTES && isUtf8(key);
}

/** A text in which no character stands for others in MATCH. */
function escaped(prefix: string): string {
  return prefix.replace(/[\\*?[\]^-]/g, '\\$&');
}
