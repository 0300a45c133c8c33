/** A change that no MTA would make, or that this one did not offer: the filter's mistake. */

import type { Modification, ModificationKind } from '../policy/modification.ts';

/** What is wrong with it; stable. */
export type ModificationProblem =
  | 'ERR_MODIFICATION_NOT_OFFERED'
  | 'ERR_MODIFICATION_HEADER_NAME'
  | 'ERR_MODIFICATION_HEADER_VALUE'
  | 'ERR_MODIFICATION_HEADER_PLACE'
  | 'ERR_MODIFICATION_ADDRESS'
  | 'ERR_MODIFICATION_ARGUMENT'
  | 'ERR_MODIFICATION_BODY'
  | 'ERR_MODIFICATION_REASON';

export class ModificationError extends Error {
  readonly code: ModificationProblem;
  /** Which of the modifications, from 0. */
  readonly index: number;
  readonly modification: ModificationKind;

  constructor(code: ModificationProblem, at: ModificationPlace, problem: string) {
    super(`${at.modification.kind}: ${problem}`);
    this.name = 'ModificationError';
    this.code = code;
    this.index = at.index;
    this.modification = at.modification.kind;
  }
}

/** A modification and its place in the list. */
export interface ModificationPlace<M extends Modification = Modification> {
  readonly index: number;
  readonly modification: M;
}
