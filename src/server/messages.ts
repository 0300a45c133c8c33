/** What the supervisor and its workers say to each other, over the channel that Node gives them. */

import type { Config } from '../config/config.ts';

/** A filter as the supervisor compiled it; every worker gets the same. */
export interface CompiledScript {
  readonly name: string;
  readonly path: string;
  readonly code: string;
  /** Its source map, as JSON. */
  readonly map: string;
}

export type ToWorker =
  | {
      readonly type: 'start';
      readonly index: number;
      readonly config: Config;
      readonly guest: string;
      readonly filters: readonly CompiledScript[];
    }
  /** Finish what is in the middle and end. */
  | { readonly type: 'drain' };

export type ToSupervisor =
  /** Waiting for `start`. */
  | { readonly type: 'hello' }
  /** Every socket accepts; their addresses as they are, ports chosen by the system included. */
  | {
      readonly type: 'ready';
      readonly listen: readonly string[];
      /** Where Postfix's policy clients connect. */
      readonly policy: readonly string[];
    }
  /** Cannot start: what a person has to mend, and whether it is their input (exit code 2) or the machine. */
  | { readonly type: 'failed'; readonly message: string; readonly isInput: boolean };
