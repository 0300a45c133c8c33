/** How several filters make one verdict: pure. */

import { verdictOnError } from '../policy/on-error.ts';
import type { Phase } from '../policy/phases.ts';
import { CONTINUE, type Verdict, withoutDelay } from '../policy/verdict.ts';
import type { FilterDescription } from './contract.ts';
import type { CheckedStep } from './step.ts';

/** What a step counts for: nothing for an observer, `onError` for a failure. */
export function effectiveVerdict(
  step: CheckedStep,
  filter: FilterDescription,
  phase: Phase,
): Verdict {
  if (filter.options.mode === 'observe') return CONTINUE;
  return step.failure ? verdictOnError(filter.options.onError, phase) : step.verdict;
}

export interface ChainOutcome {
  readonly verdict: Verdict;
  readonly delayMs: number;
  /** Index of the filter that gave the verdict. */
  readonly filter: number | undefined;
}

/**
 * The verdict of a chain: its last, if that ended the chain (it is the only one that can);
 * `skip` if someone wants no more of the body; delays add up.
 */
export function chainOutcome(steps: readonly { filter: number; verdict: Verdict }[]): ChainOutcome {
  let delayMs = 0;
  let outcome: { verdict: Verdict; filter: number | undefined } = {
    verdict: CONTINUE,
    filter: undefined,
  };
  for (const step of steps) {
    const { verdict, delayMs: ms } = withoutDelay(step.verdict);
    delayMs += ms;
    if (verdict.kind !== 'continue') outcome = { verdict, filter: step.filter };
  }
  return { ...outcome, delayMs };
}
