/** What scripts answer, read. */

import { increased, increasedSum } from '../changes/counter.ts';
import { KvError } from '../errors.ts';
import { shownKey } from '../key.ts';
import { type StateKind, wrongKind } from '../state.ts';

type Kind = StateKind | 'value';

const KINDS: readonly string[] = ['value', 'rate', 'window', 'distinct', 'lease'] satisfies Kind[];

export const isKind = (name: string): name is Kind => KINDS.includes(name);

/** What follows the 'ok' of an answer; throws KvError for the other answers. */
export function answerOf(key: string, wanted: Kind, reply: unknown): readonly unknown[] {
  const [word, ...rest] = reply as readonly [Buffer, ...unknown[]];
  switch (word.toString()) {
    case 'ok':
      return rest;
    case 'type':
      throw otherType(key, textOf(rest[0]), wanted);
    case 'beyond':
      increasedSum(key, numberOf(rest[0]), numberOf(rest[1]));
      throw new Error(`${key}: the sum is within bounds`);
    default:
      throw new Error(`unknown answer ${word}`);
  }
}

/** The sum that INCR answers; throws KvError `ERR_KV_NOT_A_NUMBER` where there is none. */
export function sumOf(key: string, by: number, reply: unknown): number {
  const [word, present] = reply as readonly Buffer[];
  // It throws: the script has refused this.
  if (word?.toString() === 'number') return increased(key, present, by);
  return numberOf(answerOf(key, 'value', reply)[0]);
}

/** The error of a call that met another kind than its own, or what another program keeps there. */
export function otherType(key: string, found: string, wanted: Kind): KvError {
  if (isKind(found)) return wrongKind(key, found, wanted);
  const message = `${shownKey(key)}: expected a ${wanted}, but another program keeps a ${found} there; use another key, or delete this one`;
  return new KvError('ERR_KV_TYPE', message);
}

/** A number of an answer: itself, or its text. */
export function numberOf(reply: unknown): number {
  return Number(typeof reply === 'number' ? reply : textOf(reply));
}

export function textOf(reply: unknown): string {
  return String(reply);
}
