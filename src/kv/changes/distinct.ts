/**
 * How many different members were seen in the last `perMs`: exact up to {@link MAX_MEMBERS},
 * estimated above, in bounded room.
 *
 * Members are kept as hashes of 52 bits with the time when each was seen last. When there
 * are too many, only those whose hash begins with a zero bit are kept, then with two, and
 * so on: with `level` zero bits, each stands for 2^level members. The error of the estimate
 * is about 4 % (1.2 / sqrt(1024)).
 *
 *     level   0          1          2
 *     keeps   all        0...       00...
 *     each    counts 1   counts 2   counts 4
 *
 * When a crowd has passed, more are kept again (`tracked` goes below `counted`). But what was
 * left out before is not known, so these count only when they have been kept for a whole
 * `perMs` (`sinceMs`).
 */

import { createHash } from 'node:crypto';
import { type Change, expiryAt } from '../entry.ts';
import { type DistinctState, packState, stateOf } from '../state.ts';

export const MAX_MEMBERS = 1024;

/** Fewer than this, and there is room for twice as many. */
export const FEW_MEMBERS = MAX_MEMBERS / 4;

/** 52 bits as 13 hexadecimal digits. */
export const HASH_DIGITS = 13;

/** The hash of a member, the same on every machine. */
export function memberHash(member: string): string {
  return createHash('sha256').update(member, 'utf8').digest('hex').slice(0, HASH_DIGITS);
}

const EMPTY = { counted: 0, tracked: 0, sinceMs: 0, hashes: '', seenMs: [] };

export function distinctAdding(key: string, member: string, perMs: number): Change<number> {
  const hash = memberHash(member);
  return (entry, nowMs) => {
    const before = entry && stateOf(key, entry.value, 'distinct');
    const aged = age(before ?? { kind: 'distinct', perMs, ...EMPTY }, nowMs, perMs);
    const state = bounded(withMember(aged, hash, nowMs), nowMs);
    const value = packState(state);
    return { answer: count(state), entry: { value, expiryMs: expiryAt(nowMs, perMs) } };
  };
}

export function distinctCounting(key: string, perMs: number): Change<number> {
  return (entry, nowMs) => {
    if (!entry) return { answer: 0 };
    const state = stateOf(key, entry.value, 'distinct');
    return { answer: count(age(state, nowMs, perMs)) };
  };
}

/** The count over the period that was used last. */
export function countAt(state: DistinctState, nowMs: number): number {
  return count(age(state, nowMs, state.perMs));
}

/** Zero bits at the beginning of a hash. */
export function leadingZeros(hash: string): number {
  const digit = hash.search(/[^0]/);
  if (digit < 0) return hash.length * 4;
  return digit * 4 + Math.clz32(Number.parseInt(hash[digit]!, 16)) - 28;
}

/** Without those who were not seen for too long; what has been kept long enough counts. */
function age(state: DistinctState, nowMs: number, perMs: number): DistinctState {
  const counted = nowMs >= state.sinceMs + perMs ? state.tracked : state.counted;
  const living = membersWhere(state, (_, seenMs) => seenMs > nowMs - perMs);
  return { ...state, perMs, counted, ...living };
}

function withMember(state: DistinctState, hash: string, nowMs: number): DistinctState {
  if (leadingZeros(hash) < state.tracked) return state;
  const others = membersWhere(state, (other) => other !== hash);
  return { ...state, hashes: others.hashes + hash, seenMs: [...others.seenMs, nowMs] };
}

/** Keeps as many as there is room for. */
function bounded(state: DistinctState, nowMs: number): DistinctState {
  let { counted, tracked, sinceMs, hashes, seenMs } = state;
  while (seenMs.length > MAX_MEMBERS) {
    tracked += 1;
    counted = Math.max(counted, tracked);
    const level = tracked;
    const kept = membersWhere({ hashes, seenMs }, (hash) => leadingZeros(hash) >= level);
    ({ hashes, seenMs } = kept);
  }
  if (tracked > 0 && tracked === counted && seenMs.length < FEW_MEMBERS) {
    tracked -= 1;
    sinceMs = nowMs;
  }
  return { ...state, counted, tracked, sinceMs, hashes, seenMs };
}

function count(state: DistinctState): number {
  const { counted } = state;
  if (counted === 0) return state.seenMs.length;
  const kept = membersWhere(state, (hash) => leadingZeros(hash) >= counted);
  return kept.seenMs.length * 2 ** counted;
}

type Members = Pick<DistinctState, 'hashes' | 'seenMs'>;

function membersWhere(
  { hashes, seenMs }: Members,
  isWanted: (hash: string, seenMs: number) => boolean,
): Members {
  const wantedHashes: string[] = [];
  const wantedMs: number[] = [];
  seenMs.forEach((ms, index) => {
    const hash = hashes.slice(index * HASH_DIGITS, (index + 1) * HASH_DIGITS);
    if (!isWanted(hash, ms)) return;
    wantedHashes.push(hash);
    wantedMs.push(ms);
  });
  return { hashes: wantedHashes.join(''), seenMs: wantedMs };
}
