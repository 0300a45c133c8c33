/**
 * The calls that are under way: which runner has which, what came back so far, and what becomes
 * of them when a runner dies.
 *
 *   sent to a runner -> steps come in -> done             the usual way
 *                    -> the runner dies -> its handler failed, the rest is sent to the next one
 *   no runner        -> stranded -> sent when there is one, or failed after a while
 */

import { isMessagePhase } from '../policy/phases.ts';
import { decidesMessage, endsChain, withoutDelay } from '../policy/verdict.ts';
import { encodeFact } from '../runner/fact-log.ts';
import type { JournalNote } from '../runner/journal.ts';
import { effectiveVerdict } from './chain-outcome.ts';
import type { Dispatch } from './dispatch.ts';
import type { FilterSet } from './filter-set.ts';
import type { RunnerProcess } from './runner-process.ts';
import type { SessionRecord } from './session-record.ts';
import { type CheckedStep, type Failure, failedStep } from './step.ts';
import type { StepLog } from './step-log.ts';

export interface CallBoardOptions {
  readonly filters: FilterSet;
  readonly log: StepLog;
  /** How long calls wait while there is no runner. */
  readonly strandedMs: number;
  /** The runner for a session that has none. */
  readonly pick: () => RunnerProcess | undefined;
  readonly ended: (dispatch: Dispatch) => void;
}

const NO_RUNNER: Failure = { kind: 'lost', message: 'there was no runner to run it', stack: '' };

export class CallBoard {
  readonly #options: CallBoardOptions;
  readonly #live = new Map<number, Dispatch>();
  /** Calls that wait for a runner. */
  readonly #stranded = new Set<Dispatch>();
  #nextId = 1;

  constructor(options: CallBoardOptions) {
    this.#options = options;
  }

  /** The number of the next call. */
  newId(): number {
    const id = this.#nextId;
    this.#nextId = (id % 0xffff_ffff) + 1;
    return id;
  }

  find(id: number): Dispatch | undefined {
    return this.#live.get(id);
  }

  /** A call of a session: sent to the session's runner. */
  post(dispatch: Dispatch, session: SessionRecord): void {
    session.live.push(dispatch);
    this.#live.set(dispatch.id, dispatch);
    this.#send(dispatch, session);
  }

  /** A call outside of sessions (`init`, `exit`), for one runner. */
  postTo(runner: RunnerProcess, dispatch: Dispatch): void {
    dispatch.runner = runner;
    this.#live.set(dispatch.id, dispatch);
    const { id, generation, filters, call } = dispatch;
    runner.event({ event: id, session: 0, generation, filters, facts: [], earlier: [], call }, []);
  }

  /** Takes a step into the record; `true` when it ended the chain. */
  step(dispatch: Dispatch, step: CheckedStep): boolean {
    const { session, phase } = dispatch;
    const { filters, log } = this.#options;
    const filter = filters.description(step.filter);
    dispatch.steps.push(step);
    log.step(step, dispatch);
    // The handlers of a message that was given up may still answer: that is not about the next one.
    const isLate = isMessagePhase(phase) && dispatch.generation !== session?.generation;
    session?.apply(isLate ? { ...step, messageState: undefined } : step);
    const verdict = effectiveVerdict(step, filter, phase);
    const isEnd = endsChain(verdict);
    if (isLate) return isEnd;
    const { kind } = withoutDelay(verdict).verdict;
    if (kind === 'skip') session?.skip(step.filter);
    if (kind === 'accept') {
      // Whoever accepts for all speaks for the filters of the whole listener.
      const satisfied = isEnd ? (session?.scope ?? []) : [step.filter];
      for (const other of satisfied) session?.satisfy(other, phase);
    }
    if (decidesMessage(verdict, phase)) session?.decide();
    return isEnd;
  }

  finish(dispatch: Dispatch): void {
    if (!this.#live.delete(dispatch.id)) return;
    dispatch.end();
    const live = dispatch.session?.live;
    live?.splice(live.indexOf(dispatch), 1);
    this.#options.ended(dispatch);
    dispatch.finished();
  }

  /** Ends what is under way for a session whose client went away. */
  cancel({ live, runner, key }: SessionRecord): void {
    if (live.length === 0) return;
    if (runner && !runner.isGone) runner.cancel(key);
    for (const dispatch of [...live]) {
      this.#stranded.delete(dispatch);
      dispatch.steps.length = 0;
      this.finish(dispatch);
    }
  }

  /** There is a runner again. */
  resend(): void {
    const waiting = [...this.#stranded];
    this.#stranded.clear();
    for (const dispatch of waiting) this.#send(dispatch, dispatch.session!);
  }

  /** Handlers in the middle of which a runner died have failed; everything else is repeated elsewhere. */
  died(runner: RunnerProcess, why: string, note: JournalNote | undefined): void {
    const lost = [...this.#live.values()]
      .filter((dispatch) => dispatch.runner === runner)
      .sort((a, b) => a.id - b.id);
    for (const dispatch of lost) {
      const { session } = dispatch;
      const entered = note?.event === dispatch.id ? note.filter : undefined;
      const interrupted = dispatch.interrupted(entered);
      let isOver = session === undefined || (session.isDecided && isMessagePhase(dispatch.phase));
      if (interrupted !== undefined) {
        const failure: Failure = { kind: 'lost', message: `its runner ${why}`, stack: '' };
        isOver = this.step(dispatch, failedStep(interrupted, failure)) || isOver;
      }
      if (isOver || !session || dispatch.remaining().length === 0) this.finish(dispatch);
      else this.#send(dispatch, session);
    }
  }

  /** Sends what remains of the chain to the session's runner. */
  #send(dispatch: Dispatch, session: SessionRecord): void {
    const runner = this.#runnerOf(session);
    dispatch.runner = runner;
    if (!runner) {
      this.#strand(dispatch);
      return;
    }
    const { id, generation, call, chunks, steps } = dispatch;
    const earlier = steps
      .filter(({ filter, modifications }) => {
        const isObserver = this.#options.filters.description(filter).options.mode === 'observe';
        return modifications.length > 0 && !isObserver;
      })
      .map(({ modifications }) => encodeFact({ f: 'modified', modifications }));
    const order = {
      event: id,
      session: session.key,
      generation,
      filters: dispatch.remaining(),
      facts: session.news(),
      earlier,
      call,
    };
    runner.event(order, chunks);
  }

  #runnerOf(session: SessionRecord): RunnerProcess | undefined {
    if (session.runner && !session.runner.isGone) return session.runner;
    const runner = this.#options.pick();
    session.moveTo(runner);
    runner?.open(session.key, session.order());
    return runner;
  }

  /** There is no runner: the call waits for one, but not for ever. */
  #strand(dispatch: Dispatch): void {
    this.#stranded.add(dispatch);
    const timer = setTimeout(() => {
      if (!this.#stranded.delete(dispatch)) return;
      for (const filter of dispatch.remaining()) {
        if (this.step(dispatch, failedStep(filter, NO_RUNNER))) break;
      }
      this.finish(dispatch);
    }, this.#options.strandedMs);
    dispatch.signal.addEventListener('abort', () => clearTimeout(timer));
  }
}
