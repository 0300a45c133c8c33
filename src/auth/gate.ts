/** The one way from login servers to the filters: a call in, what all filters together say out. */

import type { LoginEngine, Outcome, SessionHost } from '../engine/contract.ts';
import type { Call } from '../policy/event.ts';
import type { LoginPhase } from '../policy/phases.ts';

/** A call that belongs to no SMTP session. */
export type LoginCall = Extract<Call, { readonly phase: LoginPhase }>;

/** Who holds the leases that filters take on behalf of a login. */
export type LeaseOwner = NonNullable<SessionHost['leaseOwner']>;

export interface AskOptions {
  /** Absent: leases end with the call. */
  readonly leaseOwner?: LeaseOwner;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

export class Gate {
  readonly #engine: LoginEngine;
  readonly #scope: readonly number[];

  /** `scope`: the filters that are asked, as indexes into the engine's. */
  constructor(
    engine: LoginEngine,
    scope: readonly number[] = engine.filters.map((_, filter) => filter),
  ) {
    this.#engine = engine;
    this.#scope = scope;
  }

  /** Whether some filter handles this phase; if not, asking is free. */
  handles(phase: LoginPhase): boolean {
    return this.#scope.some((filter) => this.#engine.filters[filter]?.phases.has(phase));
  }

  /** Never rejects: a filter that fails has its `onError` verdict. */
  async ask(call: LoginCall, { leaseOwner, signal }: AskOptions = {}): Promise<Outcome> {
    const session = this.#engine.open(this.#scope, {
      body: () => new Uint8Array(),
      progress: () => {},
      queueId: () => undefined,
      ...(leaseOwner && { leaseOwner }),
    });
    const cancel = () => session.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await session.call(call);
    } finally {
      signal?.removeEventListener('abort', cancel);
      session.close();
    }
  }

  /** Frees what this owner holds. */
  endLeases(owner: LeaseOwner): void {
    this.#engine.endLeases(owner.id);
  }
}
