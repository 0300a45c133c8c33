/** How several filters make one verdict: pure. */

import type { Modification } from '../policy/modification.ts';
import { verdictOnError } from '../policy/on-error.ts';
import { isSmtpPhase, type Phase } from '../policy/phases.ts';
import { CONTINUE, endsChain, isAction, type Verdict, withoutDelay } from '../policy/verdict.ts';
import type { FilterDescription, Outcome } from './contract.ts';
import type { Dispatch } from './dispatch.ts';
import type { CheckedStep, Failure } from './step.ts';

/** A call that ended: what each filter of the chain that ran said, in order. */
export interface EndedEvent {
  readonly phase: Phase;
  readonly steps: readonly {
    readonly filter: string;
    readonly verdict: Verdict;
    readonly modifications: readonly Modification[];
    readonly failure: Failure | undefined;
    readonly observed: boolean;
  }[];
}

/** What a step counts for: nothing for an observer, `onError` for a failure. */
export function effectiveVerdict(
  step: CheckedStep,
  { options }: FilterDescription,
  phase: Phase,
): Verdict {
  if (options.mode === 'observe') return CONTINUE;
  return step.failure ? verdictOnError(options.onError, phase) : step.verdict;
}

/**
 * What all filters together say: the verdict that ended the chain, else the first action (`route`,
 * `hold` ...), else the last verdict that was not `continue`; all delays, and what filters that do not only observe changed.
 */
export function chainOutcome(
  { steps, phase, session }: Dispatch,
  filters: readonly FilterDescription[],
  longestDelayMs: number,
): Outcome {
  let delayMs = 0;
  let verdict = CONTINUE;
  let by: FilterDescription | undefined;
  for (const step of steps) {
    const filter = filters[step.filter]!;
    const effective = withoutDelay(effectiveVerdict(step, filter, phase));
    delayMs += effective.delayMs;
    if (effective.verdict.kind === 'continue') continue;
    if (isAction(verdict) && !endsChain(effective.verdict)) continue;
    verdict = effective.verdict;
    by = filter;
  }
  // One filter that accepts or skips does not speak for the others.
  const isForOneFilter = verdict.kind === 'accept' && verdict.all !== true;
  const isHeard = isSmtpPhase(phase) && session?.nobodyWantsMore(phase) !== false;
  if (isForOneFilter && !isHeard) verdict = CONTINUE;
  if (verdict.kind === 'skip' && session?.wantsBody) verdict = CONTINUE;
  const changing = steps.filter(({ filter }) => filters[filter]!.options.mode === 'enforce');
  return {
    verdict,
    delayMs: Math.min(delayMs, longestDelayMs),
    ...(by && { filter: by.name }),
    modifications: changing.flatMap(({ modifications }) => modifications),
    modifiedBy: changing.flatMap(({ filter, modifications }) => modifications.map(() => filter)),
  };
}

/** The whole story of a call, filters that had nothing to say included. */
export function endedEvent(
  { phase, steps, filters: chain }: Dispatch,
  filters: readonly FilterDescription[],
): EndedEvent {
  const last = steps.at(-1);
  const isCutShort =
    last !== undefined && endsChain(effectiveVerdict(last, filters[last.filter]!, phase));
  const ran = isCutShort ? chain.slice(0, chain.indexOf(last.filter) + 1) : chain;
  return {
    phase,
    steps: ran.map((filter) => {
      const { name, options } = filters[filter]!;
      const step = steps.find((candidate) => candidate.filter === filter);
      return {
        filter: name,
        verdict: step?.verdict ?? CONTINUE,
        modifications: step?.modifications ?? [],
        failure: step?.failure,
        observed: options.mode === 'observe',
      };
    }),
  };
}
