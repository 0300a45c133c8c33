/** What the rooms above ask of the engine. They see no runners, frames or isolates. */

import type { Call, Fact } from '../policy/event.ts';
import type { Modification } from '../policy/modification.ts';
import type { FilterOptions } from '../policy/options.ts';
import type { Phase } from '../policy/phases.ts';
import type { Verdict } from '../policy/verdict.ts';

/** A filter that is loaded: what it handles and how it wants to be treated. */
export interface FilterDescription {
  readonly name: string;
  readonly phases: ReadonlySet<Phase>;
  readonly options: FilterOptions;
}

/** What all filters together say about one call. */
export interface Outcome {
  /**
   * Never a `delay`. `accept` only when every filter that could still say something
   * about this message (in connect, helo: this connection) is satisfied.
   */
  readonly verdict: Verdict;
  /** How long to wait before answering; capped by the configuration. */
  readonly delayMs: number;
  /** The filter that said so, for logs; none for `continue`. */
  readonly filter?: string;
  /** What `eom` handlers changed, in order. */
  readonly modifications: readonly Modification[];
  /** For each of the modifications, the index in `Engine.filters` of the filter that asked for it. */
  readonly modifiedBy?: readonly number[];
}

/** What a session offers to its filters while a call runs. */
export interface SessionHost {
  /** The raw body received so far, as `await message.body()` sees it. */
  body(): Uint8Array;
  /** The filter asked for a PROGRESS (valid in `eom` only). */
  progress(): void;
  /** For log lines. */
  queueId(): string | undefined;
  /**
   * Who holds the leases that filters take here; absent: the session itself. A login's outlive
   * the attempt, until `LoginEngine.endLeases`.
   */
  readonly leaseOwner?: { readonly id: string; readonly isClosed: boolean };
}

/**
 * One SMTP session in the engine. Calls run in the order in which they were made, each after
 * the one before has ended, so several may be made without waiting. None of them rejects: a
 * filter that fails has its `onError` verdict.
 */
export interface EngineSession {
  /** For logs and `session.id`; unique on this machine. */
  readonly id: string;
  /** Whether some filter of this session that has not been satisfied handles the phase. */
  handles(phase: Phase): boolean;
  /**
   * A fact for the filters. `helo` replaces the earlier one, `mail` begins a message;
   * costs no crossing until a call needs it.
   */
  learn(fact: Fact): void;
  /** Runs the handlers of a phase. Resolves at once when no filter handles it. */
  call(call: Call): Promise<Outcome>;
  /** The message is over (delivered, refused or given up): its facts and states are forgotten. */
  endMessage(): void;
  /** The client went away: running and waiting calls end now with `continue`; nothing more is heard of them. */
  cancel(): void;
  /** Forget this session. */
  close(): void;
}

export interface Engine {
  readonly filters: readonly FilterDescription[];
  /** Opens a session for these filters (indexes into `filters`, in order). */
  open(scope: readonly number[], host: SessionHost): EngineSession;
}

/** What the login servers need beside. */
export interface LoginEngine extends Engine {
  /** Frees the leases of this owner. */
  endLeases(ownerId: string): void;
}
