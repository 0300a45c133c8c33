/** An engine whose verdicts a test writes down. It keeps the contract's promises, and a diary. */

import type {
  Engine,
  EngineSession,
  FilterDescription,
  Outcome,
  SessionHost,
} from '../../src/engine/contract.ts';
import type { Call, Fact } from '../../src/policy/event.ts';
import { DEFAULT_OPTIONS, type FilterOptions } from '../../src/policy/options.ts';
import { isMessagePhase, type Phase } from '../../src/policy/phases.ts';
import { CONTINUE, type Verdict } from '../../src/policy/verdict.ts';

export const NOTHING: Outcome = { verdict: CONTINUE, delayMs: 0, modifications: [] };

/** What a call comes to; `undefined` continues. */
export type Answer = Verdict | Partial<Outcome> | undefined;
export type Script = (call: Call, session: FakeSession) => Answer | Promise<Answer>;

export function filter(
  phases: readonly Phase[],
  options: Partial<FilterOptions> = {},
  name = 'test',
): FilterDescription {
  return { name, phases: new Set(phases), options: { ...DEFAULT_OPTIONS, ...options } };
}

export class FakeEngine implements Engine {
  readonly filters: readonly FilterDescription[];
  readonly script: Script;
  readonly sessions: FakeSession[] = [];

  constructor(filters: readonly FilterDescription[], script: Script = () => undefined) {
    this.filters = filters;
    this.script = script;
  }

  open(scope: readonly number[], host: SessionHost): EngineSession {
    const session = new FakeSession(this, scope, host, `s${this.sessions.length + 1}`);
    this.sessions.push(session);
    return session;
  }

  get last(): FakeSession {
    return this.sessions.at(-1)!;
  }
}

export class FakeSession implements EngineSession {
  readonly id: string;
  readonly host: SessionHost;
  readonly facts: Fact[] = [];
  readonly calls: Call[] = [];
  /** Everything that happened, in order: `learn mail`, `call rcpt`, `endMessage`, ... */
  readonly diary: string[] = [];
  readonly #engine: FakeEngine;
  readonly #scope: readonly number[];
  readonly #ends = new Set<() => void>();
  #tail: Promise<unknown> = Promise.resolve();
  #decided = false;
  #closed = false;

  constructor(engine: FakeEngine, scope: readonly number[], host: SessionHost, id: string) {
    this.#engine = engine;
    this.#scope = scope;
    this.host = host;
    this.id = id;
  }

  handles(phase: Phase): boolean {
    return this.#scope.some((index) => this.#engine.filters[index]!.phases.has(phase));
  }

  learn(fact: Fact): void {
    this.#mustBeOpen('learn');
    this.diary.push(`learn ${fact.f}`);
    this.facts.push(fact);
  }

  call(call: Call): Promise<Outcome> {
    this.#mustBeOpen('call');
    this.diary.push(`call ${call.phase}`);
    if (!this.handles(call.phase)) return Promise.resolve(NOTHING);
    this.calls.push(call);
    const outcome = new Promise<Outcome>((resolve) => {
      let over = false;
      const end = (value: Outcome) => {
        over = true;
        this.#ends.delete(cancel);
        resolve(value);
      };
      const cancel = () => end(NOTHING);
      this.#ends.add(cancel);
      this.#tail = this.#tail.then(async () => {
        if (over) return;
        if (this.#decided && isMessagePhase(call.phase)) return end(NOTHING);
        const answer = await Promise.race([this.#engine.script(call, this), outcome]);
        if (over) return;
        const full = outcomeOf(answer);
        if (decides(call, full.verdict)) this.#decided = true;
        end(full);
      });
    });
    return outcome;
  }

  endMessage(): void {
    this.#mustBeOpen('endMessage');
    this.diary.push('endMessage');
    this.#decided = false;
  }

  cancel(): void {
    this.#mustBeOpen('cancel');
    this.diary.push('cancel');
    for (const end of [...this.#ends]) end();
  }

  close(): void {
    this.#mustBeOpen('close');
    this.diary.push('close');
    this.#closed = true;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** How often a phase was called. */
  count(phase: Phase): number {
    return this.calls.filter((call) => call.phase === phase).length;
  }

  #mustBeOpen(what: string): void {
    if (this.#closed) throw new Error(`${what} after close`);
  }
}

function outcomeOf(answer: Answer): Outcome {
  if (answer === undefined) return NOTHING;
  return 'kind' in answer ? { ...NOTHING, verdict: answer } : { ...NOTHING, ...answer };
}

function decides(call: Call, { kind }: Verdict): boolean {
  if (!isMessagePhase(call.phase) || kind === 'continue' || kind === 'skip') return false;
  return call.phase !== 'rcpt' || kind === 'accept' || kind === 'discard';
}
