/**
 * A sum over a sliding window: what is added goes into the slot of its time, and a slot
 * counts until `perMs` after its beginning. So something counts for `perMs` at most, and
 * for one slot less at least: with 60 slots, an hour is 59 to 60 minutes.
 */

import { type Change, expiryAt } from '../entry.ts';
import { packState, stateOf, type WindowState } from '../state.ts';
import type { WindowSpan } from '../store.ts';
import { increasedSum } from './counter.ts';

type Slot = WindowState['slots'][number];

export function windowAdding(key: string, n: number, span: WindowSpan): Change<number> {
  const { perMs } = span;
  return (entry, nowMs) => {
    const before = entry && stateOf(key, entry.value, 'window');
    const slots = living(before?.slots ?? [], nowMs, perMs);
    const newest = slots.at(-1);
    const startMs = slotStart(nowMs, span);
    // A clock that was set back adds to the newest slot there is.
    const isNew = newest === undefined || newest[0] < startMs;
    const slot: Slot = isNew ? [startMs, n] : [newest[0], increasedSum(key, newest[1], n)];
    const after = [...(isNew ? slots : slots.slice(0, -1)), slot];
    const value = packState({ kind: 'window', perMs, slots: after });
    return { answer: sum(key, after), entry: { value, expiryMs: expiryAt(slot[0], perMs) } };
  };
}

export function windowSumming(key: string, { perMs }: WindowSpan): Change<number> {
  return (entry, nowMs) => {
    if (!entry) return { answer: 0 };
    const { slots } = stateOf(key, entry.value, 'window');
    return { answer: sum(key, living(slots, nowMs, perMs)) };
  };
}

/** The sum over the window that was used last. */
export function sumAt(key: string, { slots, perMs }: WindowState, nowMs: number): number {
  return sum(key, living(slots, nowMs, perMs));
}

/** Milliseconds of one slot. */
export function slotMs({ perMs, slots }: WindowSpan): number {
  return Math.max(1, Math.ceil(perMs / slots));
}

function slotStart(nowMs: number, span: WindowSpan): number {
  const size = slotMs(span);
  return Math.floor(nowMs / size) * size;
}

function living(slots: readonly Slot[], nowMs: number, perMs: number): readonly Slot[] {
  return slots.filter(([startMs]) => startMs > nowMs - perMs);
}

function sum(key: string, slots: readonly Slot[]): number {
  return slots.reduce((total, [, n]) => increasedSum(key, total, n), 0);
}
