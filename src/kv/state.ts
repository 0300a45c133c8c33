/**
 * The states of rates, windows, distinct counts and leases as bytes of a store:
 *
 *     01, then JSON        01 {"kind":"rate","level":3,...}
 *
 * No stored value begins with 01 (see value.ts). Redis, which has types of its own, keeps
 * them in those.
 */

import { KvError } from './errors.ts';
import { shownKey } from './key.ts';

/** The first byte of a stored state. */
export const STATE_MARK = 1;

/** A rate: how full the bucket was at a time. */
export interface RateState {
  readonly kind: 'rate';
  /** How much of the budget is used up, at `atMs`. */
  readonly level: number;
  readonly atMs: number;
  /** How long one takes to come back. */
  readonly msPerOne: number;
}

/** A window: slots with something in them, the oldest first. */
export interface WindowState {
  readonly kind: 'window';
  readonly perMs: number;
  /** When the slot began, and the sum of what was added in it. */
  readonly slots: readonly (readonly [startMs: number, sum: number])[];
}

/** A distinct count; changes/distinct.ts explains it. */
export interface DistinctState {
  readonly kind: 'distinct';
  readonly perMs: number;
  readonly counted: number;
  readonly tracked: number;
  readonly sinceMs: number;
  /** The hashes of the members, one behind the other, and when each was seen last. */
  readonly hashes: string;
  readonly seenMs: readonly number[];
}

/** A lease: each holder, and when its place is free again. */
export interface LeaseState {
  readonly kind: 'lease';
  readonly holders: Readonly<Record<string, number>>;
}

export type State = RateState | WindowState | DistinctState | LeaseState;

export type StateKind = State['kind'];

export function packState(state: State): Buffer {
  return Buffer.concat([Buffer.of(STATE_MARK), Buffer.from(JSON.stringify(state), 'utf8')]);
}

/** The state in these bytes; `undefined`: they are a value. */
export function unpackState(bytes: Buffer): State | undefined {
  if (bytes[0] !== STATE_MARK) return undefined;
  return JSON.parse(bytes.toString('utf8', 1)) as State;
}

/** The state of this kind in these bytes; throws {@link KvError} `ERR_KV_TYPE` for anything else. */
export function stateOf<Kind extends StateKind>(
  key: string,
  bytes: Buffer,
  kind: Kind,
): Extract<State, { kind: Kind }> {
  const state = unpackState(bytes);
  if (state?.kind !== kind) throw wrongKind(key, state?.kind ?? 'value', kind);
  return state as Extract<State, { kind: Kind }>;
}

/** The error of a call that met an entry of another kind. */
export function wrongKind(
  key: string,
  found: StateKind | 'value',
  wanted: StateKind | 'value',
): KvError {
  const message = `${shownKey(key)}: expected a ${wanted}, but the key holds a ${found}; use another key, or delete this one`;
  return new KvError('ERR_KV_TYPE', message);
}
