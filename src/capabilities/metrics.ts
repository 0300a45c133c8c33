/** `metrics` of a filter: counters that the server's metrics show. */

import { z } from 'zod';
import { CapabilityFailure } from './failure.ts';

/** Where counters are kept. */
export interface Counters {
  /** Throws when a counter of that name has other labels, or there are too many. */
  count(filter: string, name: string, by: number, labels: Readonly<Record<string, string>>): void;
}

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/;

/** Labels are for few values; a longer one is a mistake, and each costs memory for ever. */
const MAX_LABEL_LENGTH = 100;

const Arguments = z.tuple([
  z.string().regex(NAME),
  z.number().min(0),
  z.record(z.string().regex(NAME), z.string()),
]);

/** Performs `metrics.count`. */
export function countFor(
  counters: Counters,
  filter: string,
  operation: string,
  args: readonly unknown[],
): null {
  if (operation !== 'count')
    throw new CapabilityFailure(
      'ERR_UNKNOWN_CAPABILITY',
      `metrics has no ${JSON.stringify(operation.slice(0, 40))}`,
    );
  const parsed = Arguments.safeParse(args);
  if (!parsed.success)
    throw new CapabilityFailure(
      'ERR_ARGUMENT',
      "metrics.count: expected a name of letters, digits and '_', a number of 0 or more, and labels with texts",
    );
  const [name, by, labels] = parsed.data;
  const reserved = Object.keys(args[2] as object).find((label) => label.startsWith('__'));
  if (reserved !== undefined)
    throw new CapabilityFailure(
      'ERR_ARGUMENT',
      `metrics.count: the label ${reserved} begins with __, as only Prometheus's own labels do; give it another name`,
    );
  const short = Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [label, value.slice(0, MAX_LABEL_LENGTH)]),
  );
  counters.count(filter, name, by, short);
  return null;
}
