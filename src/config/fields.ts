/** Building blocks of schemas: the units and counts that people write, as numbers. */

import { z } from 'zod';
import { durationMs, sizeBytes } from './units.ts';

/** Timers of Node take no more milliseconds than this (about 24 days). */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Bounds {
  /** In the unit that people write. */
  readonly least?: string;
  readonly most?: string;
}

/** A duration, as milliseconds; more than 0 and at most what a timer can take. */
export function duration(bounds: Bounds = {}) {
  return quantity(durationMs, {
    ...bounds,
    most: bounds.most ?? MAX_TIMER_MS,
    mostText: bounds.most ?? '24d',
  });
}

/** A size, as bytes; more than 0. */
export function size(bounds: Bounds = {}) {
  return quantity(sizeBytes, {
    ...bounds,
    most: bounds.most ?? Number.MAX_SAFE_INTEGER,
    mostText: bounds.most ?? '',
  });
}

function quantity(
  parse: (value: string | number) => number,
  bounds: { least?: string; most: string | number; mostText: string },
) {
  const least = bounds.least === undefined ? 0 : parse(bounds.least);
  const most = parse(bounds.most);
  return z.unknown().transform((value, context) => {
    let amount: number;
    try {
      amount = parse(value as string | number);
    } catch (error) {
      context.addIssue((error as Error).message);
      return z.NEVER;
    }
    if (amount <= 0) context.addIssue('expected more than 0');
    else if (amount < least) context.addIssue(`expected at least '${bounds.least}'`);
    else if (amount > most) context.addIssue(`expected at most '${bounds.mostText}'`);
    return amount;
  });
}

/** A whole number, at least 1. */
export function count() {
  const expected = 'expected a whole number, at least 1';
  return z.number({ error: expected }).int({ error: expected }).min(1, { error: expected });
}

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `expected ${words.map((word) => `'${word}'`).join(' | ')}` });
}

/** Words for an object schema: what is expected where something else came. */
export function expectObject(expected: string) {
  return {
    error: (issue: { code?: string | undefined }) =>
      issue.code === 'invalid_type' ? `expected ${expected}` : undefined,
  };
}
