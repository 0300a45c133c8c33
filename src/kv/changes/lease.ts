/** Places that holders take and keep for a while: at most `limit` at once. */

import { type Change, type Entry, MAX_EXPIRY_MS } from '../entry.ts';
import { type LeaseState, packState, stateOf } from '../state.ts';
import type { LeaseAnswer, LeaseHolder, LeaseTerms } from '../store.ts';

type Holders = LeaseState['holders'];

export function acquiring(key: string, holder: string, terms: LeaseTerms): Change<LeaseAnswer> {
  return (entry, nowMs) => {
    const holders = living(key, entry, nowMs);
    const count = Object.keys(holders).length;
    if (!Object.hasOwn(holders, holder) && count >= terms.limit)
      return { answer: { acquired: false, count } };
    const after = { ...holders, [holder]: until(nowMs, terms.ttlMs) };
    return {
      answer: { acquired: true, count: Object.keys(after).length },
      entry: packed(after),
    };
  };
}

export function renewing(key: string, holder: string, ttlMs: number): Change<boolean> {
  return (entry, nowMs) => {
    const holders = living(key, entry, nowMs);
    if (!Object.hasOwn(holders, holder)) return { answer: false };
    return { answer: true, entry: packed({ ...holders, [holder]: until(nowMs, ttlMs) }) };
  };
}

export function releasing(key: string, holder: string): Change<boolean> {
  return (entry, nowMs) => {
    const holders = living(key, entry, nowMs);
    if (!Object.hasOwn(holders, holder)) return { answer: false };
    const { [holder]: _, ...others } = holders;
    return { answer: true, entry: Object.keys(others).length > 0 ? packed(others) : null };
  };
}

/** Who has a place, and for how long. */
export function holdersAt({ holders }: LeaseState, nowMs: number): LeaseHolder[] {
  return Object.entries(holders)
    .filter(([, untilMs]) => untilMs > nowMs)
    .map(([holder, untilMs]) => ({ holder, ttlMs: untilMs - nowMs }));
}

function living(key: string, entry: Entry | undefined, nowMs: number): Holders {
  if (!entry) return {};
  const { holders } = stateOf(key, entry.value, 'lease');
  return Object.fromEntries(Object.entries(holders).filter(([, untilMs]) => untilMs > nowMs));
}

function until(nowMs: number, ttlMs: number): number {
  return Math.min(Math.ceil(nowMs + ttlMs), MAX_EXPIRY_MS);
}

/** The entry ends with its last holder's place. */
function packed(holders: Holders): Entry {
  return {
    value: packState({ kind: 'lease', holders }),
    expiryMs: Math.max(...Object.values(holders)),
  };
}
