/** The engine: sessions on one side, runners on the other. */

import type { Capabilities } from '../capabilities/capabilities.ts';
import type { Call } from '../policy/event.ts';
import { isMessagePhase } from '../policy/phases.ts';
import { CONTINUE } from '../policy/verdict.ts';
import type { FrameReader } from '../runner/frame-stream.ts';
import { FRAME } from '../runner/frames.ts';
import type { ParseLimits } from '../runner/mime/limits.ts';
import { CallBoard } from './call-board.ts';
import { CallDesk } from './calls.ts';
import { chainOutcome, type EndedEvent, endedEvent } from './chain-outcome.ts';
import type {
  EngineSession,
  FilterDescription,
  LoginEngine,
  Outcome,
  SessionHost,
} from './contract.ts';
import { Dispatch } from './dispatch.ts';
import { FilterSet, type LoadableFilter } from './filter-set.ts';
import type { Logger } from './logger.ts';
import { RunnerPool } from './runner-pool.ts';
import type { RunnerProcess } from './runner-process.ts';
import { SessionRecord } from './session-record.ts';
import { CallReportSchema, type CheckedStep, checkStep, LogReportSchema } from './step.ts';
import { StepLog } from './step-log.ts';

export type { EndedEvent } from './chain-outcome.ts';

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

export interface EngineLimits {
  readonly runners: number;
  readonly runnerMemoryBytes: number;
  /** Time for a filter to load, and for calls to wait while there is no runner. */
  readonly loadMs: number;
  /** The longest delay that a verdict may ask for. */
  readonly delayMs: number;
  /** The longest state that a filter may keep, as JSON. */
  readonly stateBytes: number;
  /** How many changes of one message a filter may ask for. */
  readonly modifications: number;
  /** What one handler may ask for and not yet have. */
  readonly calls: number;
  /** Lines that one filter may log in a second. */
  readonly logLines: number;
  /** What parsing a message may cost. */
  readonly parse: ParseLimits;
}

/** A busy machine is not a hung runner: however small the CPU limits, it has this long to answer. */
const SHORTEST_ANSWER_MS = 250;

/** A flood of lines ends in the isolate; what the worker leaves out of the rest is counted. */
const LOG_MARGIN = 10;

/** `exit` handlers get this long. */
const EXIT_MS = 5_000;

const NOTHING: Outcome = { verdict: CONTINUE, delayMs: 0, modifications: [] };

export class RunnerEngine implements LoginEngine {
  readonly #options: EngineOptions;
  readonly #filters: FilterSet;
  readonly #log: StepLog;
  readonly #pool: RunnerPool;
  readonly #board: CallBoard;
  readonly #desk: CallDesk;
  /** How many sessions a runner has. */
  readonly #sessionsOf = new WeakMap<RunnerProcess, number>();
  #nextSession = 1;
  #closing: Promise<void> | undefined;

  private constructor(options: EngineOptions) {
    const { limits, logger } = options;
    this.#options = options;
    this.#filters = new FilterSet(options.filters, logger);
    this.#log = new StepLog(this.#filters, logger, limits.logLines);
    this.#desk = new CallDesk(options.capabilities, limits);
    this.#board = new CallBoard({
      filters: this.#filters,
      log: this.#log,
      strandedMs: limits.loadMs,
      pick: () => this.#pick(),
      ended: (dispatch) => options.onEvent?.(endedEvent(dispatch, this.filters)),
    });
    this.#pool = new RunnerPool({
      runners: limits.runners,
      worker: options.worker,
      order: {
        guest: options.guest,
        filters: this.#filters.scripts,
        options: this.#filters.preliminary,
        loadMs: limits.loadMs,
        stateBytes: limits.stateBytes,
        modifications: limits.modifications,
        parse: limits.parse,
        guestLimits: { calls: limits.calls, logLines: limits.logLines * LOG_MARGIN },
      },
      limits: { answerMs: SHORTEST_ANSWER_MS, memoryBytes: limits.runnerMemoryBytes },
      logger,
      resolve: (reports) => this.#filters.resolve(reports),
      init: (runner) => this.#init(runner),
      serving: () => this.#board.resend(),
      events: {
        frame: (runner, frame) => this.#frame(runner, frame),
        died: (runner, why, note) => this.#board.died(runner, why, note),
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
      cancel: () => this.#board.cancel(record),
      close: () => this.#close(record),
    };
  }

  endLeases(ownerId: string): void {
    this.#options.capabilities.endSession(ownerId);
  }

  /** Runs `exit` in every runner and ends them. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const exits = this.#pool.all.map((runner) => this.#callOutsideSessions('exit', runner));
    const tooLong = new Promise((resolve) => setTimeout(resolve, EXIT_MS).unref());
    await Promise.race([Promise.all(exits), tooLong]);
    await this.#pool.close();
  }

  #call(session: SessionRecord, call: Call): Promise<Outcome> {
    const filters = session.eligible(call.phase);
    const isVoid = session.isDecided && isMessagePhase(call.phase);
    if (filters.length === 0 || isVoid) return Promise.resolve(NOTHING);
    return new Promise((resolve) => {
      const dispatch: Dispatch = new Dispatch({
        id: this.#board.newId(),
        phase: call.phase,
        session,
        generation: session.generation,
        ...crossing(call),
        filters,
        finished: () => resolve(chainOutcome(dispatch, this.filters, this.#options.limits.delayMs)),
      });
      this.#board.post(dispatch, session);
    });
  }

  /** Runs `init` or `exit` in a runner; resolves with the steps of the filters that handle it. */
  #callOutsideSessions(
    phase: 'init' | 'exit',
    runner: RunnerProcess,
    filters = this.#filters.handling(phase),
  ): Promise<readonly CheckedStep[]> {
    if (filters.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const dispatch: Dispatch = new Dispatch({
        id: this.#board.newId(),
        phase,
        session: undefined,
        generation: 0,
        call: JSON.stringify({ phase }),
        chunks: [],
        filters,
        finished: () => resolve(dispatch.steps),
      });
      this.#board.postTo(runner, dispatch);
    });
  }

  async #init(runner: RunnerProcess): Promise<void> {
    const steps = await this.#callOutsideSessions('init', runner);
    const failed = steps.find(({ failure }) => failure);
    if (failed) throw this.#filters.initError(failed);
  }

  #pick(): RunnerProcess | undefined {
    const runner = this.#pool.pick((candidate) => this.#sessionsOf.get(candidate) ?? 0);
    if (runner) this.#sessionsOf.set(runner, (this.#sessionsOf.get(runner) ?? 0) + 1);
    return runner;
  }

  #close(session: SessionRecord): void {
    this.#board.cancel(session);
    session.isClosed = true;
    this.#options.capabilities.endSession(session.id);
    const { runner } = session;
    if (!runner) return;
    this.#sessionsOf.set(runner, (this.#sessionsOf.get(runner) ?? 1) - 1);
    if (!runner.isGone) runner.forget(session.key);
  }

  #frame(runner: RunnerProcess, frame: FrameReader): void {
    const dispatch = this.#board.find(frame.id);
    // An event that was cancelled, or that belongs to another runner now, is nobody's business.
    const own = dispatch?.runner === runner ? dispatch : undefined;
    switch (frame.type) {
      case FRAME.done:
        if (own) this.#board.finish(own);
        return;
      case FRAME.begun:
        own?.begun(frame.u8());
        return;
      case FRAME.step:
        if (own) this.#board.step(own, checkStep(JSON.parse(frame.text()), own.phase));
        return;
      case FRAME.call:
        this.#perform(runner, frame);
        return;
      case FRAME.log: {
        const report = LogReportSchema.parse(JSON.parse(frame.text()));
        this.#log.filterSays(report, this.#callOf(runner, report));
        return;
      }
      case FRAME.rebuilt:
        this.#rebuilt(runner, frame.id);
        return;
      default:
        throw new Error(`a frame of an unknown type, ${frame.type}`);
    }
  }

  #perform(runner: RunnerProcess, frame: FrameReader): void {
    const report = CallReportSchema.parse(JSON.parse(frame.text()));
    const asking = this.#filters.asking(report.filter);
    this.#desk
      .perform(report, this.#callOf(runner, report), asking)
      .then((result) => runner.result(frame.id, result));
  }

  /** The call that a runner's report is about: only one that it has, for a filter that has not ended it. */
  #callOf(
    runner: RunnerProcess,
    { event, filter }: { readonly event: number; readonly filter: number },
  ): Dispatch | undefined {
    const dispatch = this.#board.find(event);
    const isOwn = dispatch?.runner === runner && dispatch.filters.includes(filter);
    return isOwn && !dispatch.hasStepOf(filter) ? dispatch : undefined;
  }

  /** A filter has a new isolate, to which its `init` has not happened yet. */
  #rebuilt(runner: RunnerProcess, filter: number): void {
    const { name } = this.#filters.at(filter);
    this.#options.logger.warn(
      { filter: name, runner: runner.title },
      'the filter got a new isolate',
    );
    if (this.#filters.description(filter).phases.has('init')) {
      this.#callOutsideSessions('init', runner, [filter]);
    }
  }
}

/** A call as it crosses: the chunks of a body beside it. */
function crossing(call: Call): { call: string; chunks: readonly Uint8Array[] } {
  if (call.phase !== 'body') return { call: JSON.stringify(call), chunks: [] };
  const lengths = call.chunks.map(({ length }) => length);
  return { call: JSON.stringify({ phase: 'body', lengths }), chunks: call.chunks };
}
