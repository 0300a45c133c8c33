/** The engine: sessions on one side, runners on the other, and what happens when a runner dies in between. */

import type { Capabilities } from '../capabilities/capabilities.ts';
import type { Call } from '../policy/event.ts';
import type { Modification } from '../policy/modification.ts';
import type { Phase } from '../policy/phases.ts';
import {
  CONTINUE,
  decidesMessage,
  endsChain,
  type Verdict,
  withoutDelay,
} from '../policy/verdict.ts';
import { encodeFact } from '../runner/fact-log.ts';
import type { FrameReader } from '../runner/frame-stream.ts';
import { FRAME } from '../runner/frames.ts';
import type { JournalNote } from '../runner/journal.ts';
import { performCall } from './calls.ts';
import { chainOutcome, effectiveVerdict } from './chain-outcome.ts';
import type { Engine, EngineSession, FilterDescription, Outcome, SessionHost } from './contract.ts';
import { Dispatch } from './dispatch.ts';
import { FilterSet, type LoadableFilter } from './filter-set.ts';
import type { Logger } from './logger.ts';
import { RunnerPool } from './runner-pool.ts';
import type { RunnerProcess } from './runner-process.ts';
import { SessionRecord } from './session-record.ts';
import {
  CallReportSchema,
  type CheckedStep,
  checkStep,
  type Failure,
  failedStep,
  LogReportSchema,
} from './step.ts';
import { StepLog } from './step-log.ts';

export interface EngineOptions {
  readonly filters: readonly LoadableFilter[];
  /** The guest library as a script. */
  readonly guest: string;
  readonly capabilities: Capabilities;
  readonly logger: Logger;
  /** The number of the worker, for titles and ids. */
  readonly worker: string;
  readonly limits: EngineLimits;
  /** Told of every call that ended, for those who want to see more than the log has. */
  readonly onEvent?: (event: EndedEvent) => void;
}

/** A call that ended: what each filter of the chain that ran said, in order. */
export interface EndedEvent {
  readonly phase: Phase;
  readonly steps: readonly {
    readonly filter: string;
    readonly verdict: Verdict;
    readonly modifications: readonly Modification[];
    readonly failure: Failure | undefined;
    readonly observed: boolean;
  }[];
}

export interface EngineLimits {
  readonly runners: number;
  readonly runnerMemoryBytes: number;
  /** Time for a filter to load, and for calls to wait while there is no runner. */
  readonly loadMs: number;
  /** The longest delay that a verdict may ask for. */
  readonly delayMs: number;
}

/** A runner has at least this long to answer, however small the CPU limits: a busy machine is not a hung runner. */
const SHORTEST_ANSWER_MS = 250;

/** `exit` handlers get this long. */
const EXIT_MS = 5_000;

const NOTHING: Outcome = { verdict: CONTINUE, delayMs: 0, modifications: [] };

export class RunnerEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #filters: FilterSet;
  readonly #log: StepLog;
  readonly #pool: RunnerPool;
  readonly #live = new Map<number, Dispatch>();
  /** Calls that wait for a runner. */
  readonly #stranded = new Set<Dispatch>();
  readonly #sessionsOf = new WeakMap<RunnerProcess, number>();
  #closing: Promise<void> | undefined;
  #nextSession = 1;
  #nextEvent = 1;

  private constructor(options: EngineOptions) {
    this.#options = options;
    this.#filters = new FilterSet(options.filters, options.logger);
    this.#log = new StepLog(this.#filters, options.logger);
    this.#pool = new RunnerPool({
      runners: options.limits.runners,
      worker: options.worker,
      order: {
        guest: options.guest,
        filters: this.#filters.scripts,
        options: this.#filters.preliminary,
        loadMs: options.limits.loadMs,
      },
      limits: { answerMs: this.#answerMs(), memoryBytes: options.limits.runnerMemoryBytes },
      logger: options.logger,
      resolve: (reports) => this.#filters.resolve(reports),
      init: (runner) => this.#init(runner),
      serving: () => this.#resendStranded(),
      events: {
        frame: (runner, frame) => this.#frame(runner, frame),
        died: (runner, why, note) => this.#died(runner, why, note),
      },
    });
  }

  /** Loads the filters into runners; rejects with FilterLoadError when one does not load. */
  static async start(options: EngineOptions): Promise<RunnerEngine> {
    const engine = new RunnerEngine(options);
    try {
      await engine.#pool.open();
    } catch (error) {
      await engine.#pool.close();
      throw error;
    }
    return engine;
  }

  get filters(): readonly FilterDescription[] {
    return this.#filters.descriptions;
  }

  /** The runner processes, those that serve before the spare. */
  get runners(): readonly { readonly title: string; readonly pid: number | undefined }[] {
    return this.#pool.all.map(({ title, pid }) => ({ title, pid }));
  }

  open(scope: readonly number[], host: SessionHost): EngineSession {
    const key = this.#nextSession;
    this.#nextSession = (key % 0xffff_ffff) + 1;
    const id = `${this.#options.worker}-${process.pid.toString(36)}-${key.toString(36)}`;
    const record = new SessionRecord({ key, id, host, scope }, this.filters);
    return {
      id,
      handles: (phase) => record.eligible(phase).length > 0,
      learn: (fact) => record.learn(fact),
      call: (call) => this.#call(record, call),
      endMessage: () => record.endMessage(),
      cancel: () => this.#cancel(record),
      close: () => this.#close(record),
    };
  }

  /** Runs `exit` in every runner and ends them. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const exits = this.#pool.all.map((runner) =>
      this.#callWithoutSession('exit', this.#filters.handling('exit'), runner),
    );
    const tooLong = new Promise((resolve) => setTimeout(resolve, EXIT_MS).unref());
    await Promise.race([Promise.all(exits), tooLong]);
    await this.#pool.close();
  }

  #answerMs(): number {
    const longestCpuMs = Math.max(0, ...this.#filters.preliminary.map(({ cpuMs }) => cpuMs));
    return Math.max(SHORTEST_ANSWER_MS, 2 * longestCpuMs);
  }

  #call(record: SessionRecord, call: Call): Promise<Outcome> {
    const filters = record.eligible(call.phase);
    if (filters.length === 0 || record.isDecided) return Promise.resolve(NOTHING);
    return new Promise((resolve) => {
      const { json, chunks } = crossing(call);
      const dispatch = new Dispatch({
        id: this.#newEvent(),
        phase: call.phase,
        session: record,
        generation: record.generation,
        call: json,
        chunks,
        filters,
        finished: () => resolve(this.#outcome(dispatch)),
      });
      record.live.push(dispatch);
      this.#live.set(dispatch.id, dispatch);
      this.#send(dispatch);
    });
  }

  /** `init` and `exit`; resolves with the steps. */
  #callWithoutSession(
    phase: 'init' | 'exit',
    filters: readonly number[],
    runner: RunnerProcess,
  ): Promise<readonly CheckedStep[]> {
    if (filters.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const dispatch = new Dispatch({
        id: this.#newEvent(),
        phase,
        session: undefined,
        generation: 0,
        call: JSON.stringify({ phase }),
        chunks: [],
        filters,
        finished: () => resolve(dispatch.steps),
      });
      dispatch.runner = runner;
      this.#live.set(dispatch.id, dispatch);
      runner.event(
        {
          event: dispatch.id,
          session: 0,
          generation: 0,
          filters,
          facts: [],
          earlier: [],
          call: dispatch.call,
        },
        [],
      );
    });
  }

  #newEvent(): number {
    const id = this.#nextEvent;
    this.#nextEvent = (id % 0xffff_ffff) + 1;
    return id;
  }

  /** Sends what remains of the chain to the session's runner. */
  #send(dispatch: Dispatch): void {
    const session = dispatch.session!;
    const runner = this.#runnerOf(session);
    dispatch.runner = runner;
    if (!runner) {
      this.#strand(dispatch);
      return;
    }
    const earlier = dispatch.steps
      .filter(
        ({ filter, modifications }) =>
          modifications.length > 0 && this.filters[filter]!.options.mode === 'enforce',
      )
      .map(({ modifications }) => encodeFact({ f: 'modified', modifications }));
    const { id, generation, call, chunks } = dispatch;
    const facts = session.news();
    runner.event(
      {
        event: id,
        session: session.key,
        generation,
        filters: dispatch.remaining(),
        facts,
        earlier,
        call,
      },
      chunks,
    );
  }

  #runnerOf(session: SessionRecord): RunnerProcess | undefined {
    if (session.runner && !session.runner.isGone) return session.runner;
    const runner = this.#pool.pick((candidate) => this.#sessionsOf.get(candidate) ?? 0);
    session.moveTo(runner);
    if (!runner) return undefined;
    this.#sessionsOf.set(runner, (this.#sessionsOf.get(runner) ?? 0) + 1);
    runner.open(session.key, session.order());
    return runner;
  }

  /** There is no runner: the call waits for one, but not for ever. */
  #strand(dispatch: Dispatch): void {
    this.#stranded.add(dispatch);
    const timer = setTimeout(() => {
      if (!this.#stranded.delete(dispatch)) return;
      for (const filter of dispatch.remaining()) {
        if (
          this.#step(
            dispatch,
            failedStep(filter, {
              kind: 'lost',
              message: 'there was no runner to run it',
              stack: '',
            }),
          )
        )
          break;
      }
      this.#finish(dispatch);
    }, this.#options.limits.loadMs);
    dispatch.abort.signal.addEventListener('abort', () => clearTimeout(timer));
  }

  #resendStranded(): void {
    const waiting = [...this.#stranded];
    this.#stranded.clear();
    for (const dispatch of waiting) this.#send(dispatch);
  }

  #frame(runner: RunnerProcess, frame: FrameReader): void {
    const dispatch = this.#live.get(frame.id);
    // An event that was cancelled, or that belongs to another runner now, is nobody's business.
    const own = dispatch?.runner === runner ? dispatch : undefined;
    switch (frame.type) {
      case FRAME.done:
        if (own) this.#finish(own);
        return;
      case FRAME.begun:
        own?.begun(frame.u8());
        return;
      case FRAME.step:
        if (own) this.#step(own, checkStep(JSON.parse(frame.text()), own.phase));
        return;
      case FRAME.call:
        this.#capability(runner, frame);
        return;
      case FRAME.log: {
        const report = LogReportSchema.parse(JSON.parse(frame.text()));
        this.#log.filterSays(report, this.#live.get(report.event));
        return;
      }
      case FRAME.rebuilt:
        this.#rebuilt(runner, frame.id);
        return;
      default:
        throw new Error(`a frame of an unknown type, ${frame.type}`);
    }
  }

  #capability(runner: RunnerProcess, frame: FrameReader): void {
    const report = CallReportSchema.parse(JSON.parse(frame.text()));
    const dispatch = this.#live.get(report.event);
    const { namespace } = this.#filters.at(report.filter);
    performCall(this.#options.capabilities, report, dispatch, namespace).then((result) =>
      runner.result(frame.id, result),
    );
  }

  /** Takes a step into the record; `true` when it ended the chain. */
  #step(dispatch: Dispatch, step: CheckedStep): boolean {
    const { session, phase } = dispatch;
    const filter = this.filters[step.filter];
    if (!filter)
      throw new RangeError(`the runner named a filter that is not there, ${step.filter}`);
    dispatch.steps.push(step);
    this.#log.step(step, dispatch);
    session?.apply(step);
    const verdict = effectiveVerdict(step, filter, phase);
    const { kind } = withoutDelay(verdict).verdict;
    if (kind === 'accept') session?.satisfy(step.filter, phase);
    const isEnd = endsChain(verdict);
    if (isEnd && kind === 'accept')
      for (const other of session?.scope ?? []) session?.satisfy(other, phase);
    if (decidesMessage(verdict, phase)) session?.decide();
    return isEnd;
  }

  #finish(dispatch: Dispatch): void {
    if (!this.#live.delete(dispatch.id)) return;
    dispatch.abort.abort();
    const live = dispatch.session?.live;
    live?.splice(live.indexOf(dispatch), 1);
    this.#options.onEvent?.(this.#ended(dispatch));
    dispatch.finished(dispatch);
  }

  #ended({ phase, steps, filters }: Dispatch): EndedEvent {
    const last = steps.at(-1);
    const isCutShort =
      last !== undefined && endsChain(effectiveVerdict(last, this.filters[last.filter]!, phase));
    const ran = isCutShort ? filters.slice(0, filters.indexOf(last.filter) + 1) : filters;
    return {
      phase,
      steps: ran.map((filter) => {
        const { name, options } = this.filters[filter]!;
        const {
          verdict = CONTINUE,
          modifications = [],
          failure,
        } = steps.find((step) => step.filter === filter) ?? {};
        return {
          filter: name,
          verdict,
          modifications,
          failure,
          observed: options.mode === 'observe',
        };
      }),
    };
  }

  #outcome({ steps, phase, session }: Dispatch): Outcome {
    const effective = steps.map((step) => ({
      filter: step.filter,
      verdict: effectiveVerdict(step, this.filters[step.filter]!, phase),
    }));
    const { verdict, delayMs, filter } = chainOutcome(effective);
    const modifications = steps
      .filter((step) => this.filters[step.filter]!.options.mode === 'enforce')
      .flatMap((step) => step.modifications);
    const isAccept = verdict.kind === 'accept';
    const isFinal = !isAccept || verdict.all === true || session!.nobodyWantsMore(phase as never);
    return {
      verdict: isFinal ? verdict : CONTINUE,
      delayMs: Math.min(delayMs, this.#options.limits.delayMs),
      ...(filter === undefined ? {} : { filter: this.filters[filter]!.name }),
      modifications,
    };
  }

  #cancel(record: SessionRecord): void {
    if (record.live.length === 0) return;
    const { runner } = record;
    if (runner && !runner.isGone) runner.cancel(record.key);
    for (const dispatch of [...record.live]) {
      this.#stranded.delete(dispatch);
      dispatch.steps.length = 0;
      this.#finish(dispatch);
    }
  }

  #close(record: SessionRecord): void {
    this.#cancel(record);
    const { runner } = record;
    if (!runner) return;
    this.#sessionsOf.set(runner, (this.#sessionsOf.get(runner) ?? 1) - 1);
    if (!runner.isGone) runner.forget(record.key);
  }

  async #init(runner: RunnerProcess): Promise<void> {
    const steps = await this.#callWithoutSession('init', this.#filters.handling('init'), runner);
    const failed = steps.find(({ failure }) => failure);
    if (failed) throw this.#filters.initError(failed);
  }

  /** A filter has a new isolate, to which its `init` has not happened yet. */
  #rebuilt(runner: RunnerProcess, filter: number): void {
    const { name, description } = this.#filters.at(filter);
    this.#options.logger.warn(
      { filter: name, runner: runner.title },
      'the filter got a new isolate',
    );
    if (description?.phases.has('init')) this.#callWithoutSession('init', [filter], runner);
  }

  /** Handlers in the middle of which it died have failed; everything else is repeated elsewhere. */
  #died(runner: RunnerProcess, why: string, note: JournalNote | undefined): void {
    const lost = [...this.#live.values()]
      .filter((dispatch) => dispatch.runner === runner)
      .sort((a, b) => a.id - b.id);
    for (const dispatch of lost) {
      const interrupted = dispatch.interrupted(
        note?.event === dispatch.id ? note.filter : undefined,
      );
      let isOver = dispatch.session === undefined || dispatch.session.isDecided;
      if (interrupted !== undefined) {
        const failure = { kind: 'lost', message: `its runner ${why}`, stack: '' } as const;
        isOver = this.#step(dispatch, failedStep(interrupted, failure)) || isOver;
      }
      if (isOver || dispatch.remaining().length === 0) this.#finish(dispatch);
      else this.#send(dispatch);
    }
  }
}

/** A call as it crosses: the chunks of a body beside it. */
function crossing(call: Call): { json: string; chunks: readonly Uint8Array[] } {
  if (call.phase !== 'body') return { json: JSON.stringify(call), chunks: [] };
  return {
    json: JSON.stringify({ phase: 'body', lengths: call.chunks.map(({ length }) => length) }),
    chunks: call.chunks,
  };
}
