/** What the worker knows about a session: the truth, of which runners have copies. */

import type { Fact } from '../policy/event.ts';
import { isMessagePhase, type Phase, SMTP_PHASES, type SmtpPhase } from '../policy/phases.ts';
import { encodeFact, FactCursor, type FactEntry, FactLog } from '../runner/fact-log.ts';
import type { KeptStates, SessionOrder } from '../runner/frames.ts';
import type { FilterDescription, SessionHost } from './contract.ts';
import type { Dispatch } from './dispatch.ts';
import type { RunnerProcess } from './runner-process.ts';
import type { CheckedStep } from './step.ts';

export class SessionRecord {
  /** Number on the wire to runners, from 1. */
  readonly key: number;
  readonly id: string;
  readonly host: SessionHost;
  readonly scope: readonly number[];
  /** Calls that have not ended, in order. */
  readonly live: Dispatch[] = [];
  runner: RunnerProcess | undefined;
  /** The connection has ended: nothing is kept for it any more. */
  isClosed = false;
  readonly #filters: readonly FilterDescription[];
  readonly #log = new FactLog();
  #cursor = new FactCursor();
  readonly #states = new Map<number, KeptStates>();
  readonly #satisfiedForever = new Set<number>();
  readonly #satisfied = new Set<number>();
  /** Filters that want no more of the body of this message. */
  readonly #skipped = new Set<number>();
  #decided = false;
  #messageIs: 'none' | 'announced' | 'open' = 'none';
  #heloIsKnown = false;

  constructor(
    fields: Pick<SessionRecord, 'key' | 'id' | 'host' | 'scope'>,
    filters: readonly FilterDescription[],
  ) {
    this.key = fields.key;
    this.id = fields.id;
    this.host = fields.host;
    this.scope = fields.scope;
    this.#filters = filters;
  }

  /** The number of the message that calls belong to now; 0: none. */
  get generation(): number {
    return this.#messageIs === 'none' ? 0 : this.#log.generation('message');
  }

  /** Whether the filters have decided about this message, so that no more of it concerns them. */
  get isDecided(): boolean {
    return this.#decided;
  }

  /** Filters that handle the phase and have not had enough; the end of the connection concerns all. */
  eligible(phase: Phase): number[] {
    return this.scope.filter(
      (filter) =>
        (phase === 'close' || !this.#isSatisfied(filter)) &&
        !(phase === 'body' && this.#skipped.has(filter)) &&
        this.#filters[filter]!.phases.has(phase),
    );
  }

  /** Whether some filter still wants to see the body, in `body` or in `eom`. */
  get wantsBody(): boolean {
    return this.scope.some((filter) => {
      const { phases, options } = this.#filters[filter]!;
      const reads = (phases.has('body') || phases.has('eom')) && options.body?.kind !== 'none';
      return reads && !this.#skipped.has(filter) && !this.#isSatisfied(filter);
    });
  }

  learn(fact: Fact): void {
    switch (fact.f) {
      case 'connect':
        this.#log.append('connection', encodeFact(fact));
        return;
      case 'helo':
        if (this.#heloIsKnown) this.#log.begin('helo');
        this.#heloIsKnown = true;
        this.#log.append('helo', encodeFact(fact));
        return;
      case 'macros':
        this.#learnMacros(fact);
        return;
      case 'mail':
        if (this.#messageIs !== 'announced') this.#beginMessage();
        this.#messageIs = 'open';
        this.#log.append('message', encodeFact(fact));
        return;
      case 'recipient':
      case 'headers':
      case 'modified':
        this.#log.append('message', encodeFact(fact));
        return;
      default:
        fact satisfies never;
    }
  }

  endMessage(): void {
    this.#messageIs = 'none';
    this.#forgetMessage();
  }

  /** A runner that has not seen this session takes it over. */
  moveTo(runner: RunnerProcess | undefined): void {
    this.runner = runner;
    this.#cursor = new FactCursor();
  }

  /** Who the session is, for a runner that has not seen it. */
  order(): SessionOrder {
    return { id: this.id, generation: this.generation, states: Object.fromEntries(this.#states) };
  }

  /** What the runner has not heard yet. */
  news(): FactEntry[] {
    return this.#log
      .since(this.#cursor)
      .filter(({ group }) => group !== 'message' || this.#messageIs !== 'none');
  }

  /** Takes over what a filter's step changed. */
  apply(step: CheckedStep): void {
    const { filter, sessionState, messageState } = step;
    if (sessionState === undefined && messageState === undefined) return;
    this.#states.set(filter, {
      ...this.#states.get(filter),
      ...(sessionState === undefined ? {} : { session: sessionState }),
      ...(messageState === undefined ? {} : { message: messageState }),
    });
  }

  /** A filter accepted: it wants to hear no more of the message, or (in connect, helo) of the connection. */
  satisfy(filter: number, phase: Phase): void {
    (isMessagePhase(phase) ? this.#satisfied : this.#satisfiedForever).add(filter);
  }

  /** A filter has seen enough of the body. */
  skip(filter: number): void {
    this.#skipped.add(filter);
  }

  decide(): void {
    this.#decided = true;
  }

  /** Whether no filter that has not accepted could still say something after this phase. */
  nobodyWantsMore(phase: SmtpPhase): boolean {
    const at = SMTP_PHASES.indexOf(phase);
    const later = SMTP_PHASES.filter(
      (candidate, index) =>
        candidate !== 'abort' &&
        candidate !== 'close' &&
        (index > at || (phase === 'rcpt' && index === at)),
    );
    return this.scope.every(
      (filter) =>
        this.#isSatisfied(filter) ||
        !later.some((candidate) => this.#filters[filter]!.phases.has(candidate)),
    );
  }

  #isSatisfied(filter: number): boolean {
    return this.#satisfiedForever.has(filter) || this.#satisfied.has(filter);
  }

  #learnMacros(fact: Extract<Fact, { f: 'macros' }>): void {
    switch (fact.stage) {
      case 'connect':
        this.#log.append('connection', encodeFact(fact));
        return;
      case 'helo':
        if (this.#heloIsKnown) {
          this.#log.begin('helo');
          this.#heloIsKnown = false;
        }
        this.#log.append('helo', encodeFact(fact));
        return;
      default:
        // The macros of MAIL come before the command: they announce the message.
        if (this.#messageIs === 'none') {
          this.#beginMessage();
          this.#messageIs = 'announced';
        }
        this.#log.append('message', encodeFact(fact));
    }
  }

  #beginMessage(): void {
    this.#log.begin('message');
    this.#forgetMessage();
  }

  #forgetMessage(): void {
    this.#satisfied.clear();
    this.#skipped.clear();
    this.#decided = false;
    for (const [filter, { session }] of this.#states)
      this.#states.set(filter, session === undefined ? {} : { session });
  }
}
