/** Changes of values: set, add, cas, incr, delete, expire. */

import { type Change, type Entry, expiryAt } from '../entry.ts';
import { unpackState, wrongKind } from '../state.ts';
import { counterBytes, increased } from './counter.ts';

/** The value of an entry; throws KvError `ERR_KV_TYPE` when it holds a state. */
export function plainValue(key: string, { value }: Entry): Buffer {
  const state = unpackState(value);
  if (state) throw wrongKind(key, state.kind, 'value');
  return value;
}

export function setting(value: Buffer, ttlMs: number | undefined): Change<void> {
  return (_, nowMs) => ({
    answer: undefined,
    entry: { value, expiryMs: expiryAt(nowMs, ttlMs) },
  });
}

export function adding(value: Buffer, ttlMs: number | undefined): Change<boolean> {
  return (entry, nowMs) =>
    entry
      ? { answer: false }
      : { answer: true, entry: { value, expiryMs: expiryAt(nowMs, ttlMs) } };
}

export function swapping(
  key: string,
  expected: Buffer | undefined,
  value: Buffer,
  ttlMs: number | undefined,
): Change<boolean> {
  return (entry, nowMs) => {
    const present = entry && plainValue(key, entry);
    const isExpected =
      present === undefined || expected === undefined
        ? present === expected
        : present.equals(expected);
    if (!isExpected) return { answer: false };
    return { answer: true, entry: { value, expiryMs: expiryAt(nowMs, ttlMs) } };
  };
}

export function increasing(key: string, by: number, ttlMs: number | undefined): Change<number> {
  return (entry, nowMs) => {
    const sum = increased(key, entry && plainValue(key, entry), by);
    const expiryMs = entry ? entry.expiryMs : expiryAt(nowMs, ttlMs);
    return { answer: sum, entry: { value: counterBytes(sum), expiryMs } };
  };
}

export const deleting: Change<boolean> = (entry) => ({ answer: entry !== undefined, entry: null });

export function expiring(ttlMs: number): Change<boolean> {
  return (entry, nowMs) =>
    entry
      ? { answer: true, entry: { ...entry, expiryMs: expiryAt(nowMs, ttlMs) } }
      : { answer: false };
}
