/**
 * A smooth limit (GCRA), told as a bucket: each call pours in its cost, the bucket leaks
 * `limit` in `perMs`, and what would overflow the burst is refused.
 *
 *     level  = max(0, level - elapsed * limit / perMs)
 *     allowed when level + cost <= burst
 *
 * A bucket that is empty again is no entry at all: its time to live is the time it takes to
 * leak. While nothing leaks the level is a sum of costs, so whole costs count exactly.
 */

import { type Change, expiryAt } from '../entry.ts';
import { packState, type RateState, stateOf } from '../state.ts';
import type { RateAnswer, RateLimit } from '../store.ts';

/** Rounding of a leak must not refuse who waited just as long as they were told. */
export const TOLERANCE = 1e-6;

export function rating(key: string, limit: Required<RateLimit>): Change<RateAnswer> {
  const { burst, cost } = limit;
  const msPerOne = limit.perMs / limit.limit;
  return (entry, nowMs) => {
    const before = entry && stateOf(key, entry.value, 'rate');
    // A clock that was set back must not fill the bucket again, nor empty it.
    const atMs = Math.max(nowMs, before?.atMs ?? nowMs);
    const level = before ? levelAt(before, atMs, msPerOne) : 0;
    const allowed = level + cost <= burst + TOLERANCE;
    const after = allowed ? level + cost : level;
    const answer: RateAnswer = {
      allowed,
      remaining: Math.max(0, Math.floor(burst - after + TOLERANCE)),
      // It leaks again when the clock has come to where it was.
      retryAfterMs: allowed ? 0 : (level + cost - burst) * msPerOne + (atMs - nowMs),
    };
    if (!allowed || cost === 0) return { answer };
    const value = packState({ kind: 'rate', level: after, atMs, msPerOne });
    return { answer, entry: { value, expiryMs: expiryAt(atMs, after * msPerOne) } };
  };
}

/** How full the bucket is. */
export function levelAt(state: RateState, nowMs: number, msPerOne = state.msPerOne): number {
  return Math.max(0, state.level - Math.max(0, nowMs - state.atMs) / msPerOne);
}
