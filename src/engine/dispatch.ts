/** One call on its way through the filters, as the worker keeps it: what was asked, and what came back. */

import type { Phase } from '../policy/phases.ts';
import type { RunnerProcess } from './runner-process.ts';
import type { SessionRecord } from './session-record.ts';
import type { CheckedStep } from './step.ts';

/** A reason of its own would cost a stack trace for each event. */
const OVER = new Error('the handler is over');

export class Dispatch {
  readonly id: number;
  readonly phase: Phase;
  /** None for `init` and `exit`. */
  readonly session: SessionRecord | undefined;
  /** The message that it belongs to; 0: none. */
  readonly generation: number;
  /** A GuestCall as JSON. */
  readonly call: string;
  readonly chunks: readonly Uint8Array[];
  /** All filters of the chain, in order. */
  readonly filters: readonly number[];
  readonly steps: CheckedStep[] = [];
  readonly finished: () => void;
  #abort: AbortController | undefined;
  runner: RunnerProcess | undefined;
  /** What each filter asked for on its behalf and does not have yet. */
  readonly openCalls = new Map<number, number>();
  /** The filter whose handler awaits something; those before it have ended. */
  #begun: number | undefined;

  constructor(
    fields: Pick<
      Dispatch,
      'id' | 'phase' | 'session' | 'generation' | 'call' | 'chunks' | 'filters' | 'finished'
    >,
  ) {
    this.id = fields.id;
    this.phase = fields.phase;
    this.session = fields.session;
    this.generation = fields.generation;
    this.call = fields.call;
    this.chunks = fields.chunks;
    this.filters = fields.filters;
    this.finished = fields.finished;
  }

  /**
   * Aborted when the event is over: what its handlers asked for is of no use any more. Made when
   * somebody asks for it, since most events end without.
   */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** The event is over. */
  end(): void {
    this.#abort?.abort(OVER);
  }

  begun(filter: number): void {
    this.#begun = filter;
  }

  hasStepOf(filter: number): boolean {
    return this.steps.some((step) => step.filter === filter);
  }

  /**
   * The filter whose handler was running when the runner died; `undefined` if none had begun, or
   * if all that had begun had ended. `entered`: the last handler that the runner noted for this event.
   */
  interrupted(entered: number | undefined): number | undefined {
    const filter = entered ?? this.#begun;
    return filter === undefined || this.hasStepOf(filter) ? undefined : filter;
  }

  /** The filters that have still to hear of the event after the runner's death. */
  remaining(): readonly number[] {
    const ended = this.steps.map(({ filter }) => this.filters.indexOf(filter));
    // A handler that began shows that those before it had ended, with nothing to say.
    if (this.#begun !== undefined) ended.push(this.filters.indexOf(this.#begun) - 1);
    return this.filters.slice(Math.max(-1, ...ended) + 1);
  }
}
