/** What SIGHT answers, as people are shown it. */

import { levelAt } from '../changes/rate.ts';
import { sumAt } from '../changes/window.ts';
import type { Sight } from '../store.ts';
import { answerOf, isKind, numberOf, textOf } from './reply.ts';

/** `undefined`: the key is absent, or another program keeps something else there. */
export function sightOf(key: string, reply: unknown): Sight | undefined {
  const [found, left, now, seen] = answerOf(key, 'value', reply);
  const kind = textOf(found);
  if (!isKind(kind)) return undefined;
  const leftMs = numberOf(left);
  const nowMs = numberOf(now);
  const time = leftMs < 0 ? {} : { ttlMs: Math.max(1, leftMs) };
  switch (kind) {
    case 'value':
      return { kind, value: seen as Buffer, ...time };
    case 'rate': {
      const { level, atMs, msPerOne } = Object.fromEntries(pairs(seen));
      const state = { kind, level: level ?? 0, atMs: atMs ?? 0, msPerOne: msPerOne ?? 1 };
      return { kind, used: levelAt(state, nowMs), ...time };
    }
    case 'window': {
      const fields = pairs(seen);
      const slots = fields
        .filter(([name]) => /^-?\d/.test(name))
        .map(([name, sum]) => [Number(name), sum] as const)
        .sort(([a], [b]) => a - b);
      const perMs = Object.fromEntries(fields).perMs ?? 0;
      return { kind, sum: sumAt(key, { kind, perMs, slots }, nowMs), ...time };
    }
    case 'distinct':
      return { kind, count: numberOf(seen), ...time };
    case 'lease': {
      const holders = pairs(seen).map(([holder, untilMs]) => ({ holder, ttlMs: untilMs - nowMs }));
      return { kind, holders, ...time };
    }
    default:
      return kind satisfies never;
  }
}

/** A flat list of names and numbers, two by two. */
function pairs(reply: unknown): (readonly [name: string, value: number])[] {
  const flat = reply as readonly unknown[];
  return flat.flatMap((name, n) =>
    n % 2 === 0 ? [[textOf(name), numberOf(flat[n + 1])] as const] : [],
  );
}
