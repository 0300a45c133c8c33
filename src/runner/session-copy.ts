/** The runner's copy of a session. The worker has the original; this one may be lost at any time. */

import { FactCursor, FactLog } from './fact-log.ts';
import type { EventOrder, KeptStates, SessionOrder } from './frames.ts';
import type { SessionOpening } from './guest-border.ts';

interface Reader {
  readonly incarnation: number;
  readonly cursor: FactCursor;
}

export class SessionCopy {
  readonly key: number;
  readonly #id: string;
  readonly #states = new Map<number, KeptStates>();
  readonly #log = new FactLog();
  readonly #readers = new Map<number, Reader>();
  /** Filters that accepted: for the connection, or for this message. */
  readonly #satisfiedForever = new Set<number>();
  readonly #satisfied = new Set<number>();
  /** Filters that want no more of the body of this message. */
  readonly #skipped = new Set<number>();
  #decided = false;
  #generation: number;
  /** Events that wait for the one that runs: a session's events run in order. */
  readonly waiting: EventOrder[] = [];
  /** The event that runs. */
  running: number | undefined;

  constructor(key: number, order: SessionOrder) {
    this.key = key;
    this.#id = order.id;
    this.#generation = order.generation;
    for (const [filter, states] of Object.entries(order.states))
      this.#states.set(Number(filter), states);
  }

  /** Takes over what an event brings. */
  learn({ facts, generation }: EventOrder): void {
    for (const entry of facts) this.#log.copy(entry);
    if (generation === this.#generation) return;
    this.#generation = generation;
    if (this.#log.generation('message') !== generation) this.#log.begin('message', generation);
    this.#satisfied.clear();
    this.#skipped.clear();
    this.#decided = false;
    for (const [filter, { session }] of this.#states)
      this.#states.set(filter, session === undefined ? {} : { session });
  }

  /** What the isolate of this filter has not heard yet, first of all who the session is. */
  factsFor(filter: number, incarnation: number): string[] {
    let reader = this.#readers.get(filter);
    const facts: string[] = [];
    if (reader?.incarnation !== incarnation) {
      reader = { incarnation, cursor: new FactCursor() };
      this.#readers.set(filter, reader);
      const opening: SessionOpening = { id: this.#id, ...this.#states.get(filter) };
      facts.push(JSON.stringify(opening));
    }
    for (const { fact } of this.#log.since(reader.cursor)) facts.push(fact);
    return facts;
  }

  /** Whether an isolate of this filter knows the session, and has to forget it in the end. */
  knownTo(filter: number, incarnation: number): boolean {
    return this.#readers.get(filter)?.incarnation === incarnation;
  }

  keep(filter: number, changed: KeptStates): void {
    this.#states.set(filter, { ...this.#states.get(filter), ...changed });
  }

  satisfy(filter: number, forever: boolean): void {
    (forever ? this.#satisfiedForever : this.#satisfied).add(filter);
  }

  isSatisfied(filter: number): boolean {
    return this.#satisfiedForever.has(filter) || this.#satisfied.has(filter);
  }

  /** A filter has seen enough of the body: the chunks that were on their way are not for it. */
  skip(filter: number): void {
    this.#skipped.add(filter);
  }

  hasSkipped(filter: number): boolean {
    return this.#skipped.has(filter);
  }

  /** A filter decided about this message: the events of it that were on their way are void. */
  decide(): void {
    this.#decided = true;
  }

  get isDecided(): boolean {
    return this.#decided;
  }
}
