/** Everything that is fuzzed. */

import { codecTarget } from './codec-target.ts';
import { framesTarget } from './frames-target.ts';
import { sessionTarget } from './session-target.ts';
import { stepsTarget } from './steps-target.ts';
import type { FuzzTarget } from './target.ts';

export const TARGETS: readonly FuzzTarget[] = [
  codecTarget,
  framesTarget,
  sessionTarget,
  stepsTarget,
];
