/** `sleep` of a filter. */

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { CapabilityFailure } from './failure.ts';

/** Longer sleeps are cut by the filter's wall limit anyway. */
const MAX_SLEEP_MS = 24 * 60 * 60 * 1000;

const Arguments = z.tuple([z.number().min(0)]);

/** Resolves after so many milliseconds; rejects when `signal` is aborted. */
export async function performSleep(args: readonly unknown[], signal: AbortSignal): Promise<null> {
  const parsed = Arguments.safeParse(args);
  if (!parsed.success) throw new CapabilityFailure('ERR_ARGUMENT', 'sleep: expected milliseconds');
  await delay(Math.min(parsed.data[0], MAX_SLEEP_MS), undefined, { signal });
  return null;
}
