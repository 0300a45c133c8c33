/** What lies in a store, as people are shown it. */

import { countAt } from './changes/distinct.ts';
import { holdersAt } from './changes/lease.ts';
import { levelAt } from './changes/rate.ts';
import { sumAt } from './changes/window.ts';
import { type Entry, timeLeft } from './entry.ts';
import { unpackState } from './state.ts';
import type { Sight } from './store.ts';

export function sightOf(key: string, entry: Entry, nowMs: number): Sight {
  const ttlMs = timeLeft(entry, nowMs);
  const time = ttlMs === undefined ? {} : { ttlMs };
  const state = unpackState(entry.value);
  switch (state?.kind) {
    case undefined:
      return { kind: 'value', value: entry.value, ...time };
    case 'rate':
      return { kind: 'rate', used: levelAt(state, nowMs), ...time };
    case 'window':
      return { kind: 'window', sum: sumAt(key, state, nowMs), ...time };
    case 'distinct':
      return { kind: 'distinct', count: countAt(state, nowMs), ...time };
    case 'lease':
      return { kind: 'lease', holders: holdersAt(state, nowMs), ...time };
    default:
      return state satisfies never;
  }
}
