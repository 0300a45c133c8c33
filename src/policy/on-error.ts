/** What the MTA hears when a filter fails to give a verdict of its own. */

import type { OnError } from '../config/filter-overrides.ts';
import type { Phase } from './phases.ts';
import { CONTINUE, misplaced, type Verdict } from './verdict.ts';

/** The verdict of a failed handler; in phases that know no verdict, `continue`. */
export function verdictOnError(onError: OnError, phase: Phase): Verdict {
  const verdict: Verdict = { kind: onError };
  return misplaced(verdict, phase) === undefined ? verdict : CONTINUE;
}
