/**
 * Runs events through their chains of filters: one filter after the other until one ends the
 * chain, sessions side by side, the events of one session in order.
 */

import { verdictOnError } from '../policy/on-error.ts';
import type { FilterOptions } from '../policy/options.ts';
import { isMessagePhase } from '../policy/phases.ts';
import { decidesMessage, endsChain, type Verdict, withoutDelay } from '../policy/verdict.ts';
import { encodeFact } from './fact-log.ts';
import type { FrameWriter } from './frame-stream.ts';
import {
  type EventOrder,
  type FailureKind,
  FRAME,
  type LoadOrder,
  type ReadResult,
  type SessionOrder,
  type StepReport,
  writeBare,
  writeBegun,
  writeJson,
} from './frames.ts';
import { SIGN } from './guest-border.ts';
import type { JournalWriter } from './journal.ts';
import { type DoneItem, parseOutbox, phaseOf, type Running, stepReport } from './running.ts';
import { type Sandbox, SandboxLost } from './sandbox.ts';
import { SessionCopy } from './session-copy.ts';

/** How much one handler may leave behind. */
export type OutputLimits = Pick<LoadOrder, 'stateBytes' | 'modifications'>;

/** A filter in this runner. */
export interface HostedFilter {
  readonly sandbox: Sandbox;
  readonly options: FilterOptions;
}

interface PendingCall {
  readonly event: number;
  readonly filter: number;
  /** The number that the isolate gave it. */
  readonly call: number;
}

export class Dispatcher {
  readonly #filters: readonly HostedFilter[];
  readonly #writer: FrameWriter;
  readonly #journal: JournalWriter;
  /** Asks for the writer to be flushed, when something was written outside of a frame's handling. */
  readonly #flush: () => void;
  readonly #limits: OutputLimits;
  readonly #sessions = new Map<number, SessionCopy>();
  readonly #running = new Map<number, Running>();
  readonly #calls = new Map<number, PendingCall>();
  #nextCall = 1;

  constructor(
    filters: readonly HostedFilter[],
    io: {
      readonly writer: FrameWriter;
      readonly journal: JournalWriter;
      readonly flush: () => void;
    },
    limits: OutputLimits,
  ) {
    this.#filters = filters;
    this.#writer = io.writer;
    this.#journal = io.journal;
    this.#flush = io.flush;
    this.#limits = limits;
  }

  open(key: number, order: SessionOrder): void {
    this.#sessions.set(key, new SessionCopy(key, order));
  }

  event(order: EventOrder): void {
    const session = this.#sessions.get(order.session);
    if (session && this.#runningOf(session)) session.waiting.push(order);
    else this.#begin(order, session);
  }

  /** The answer to a capability request; one for an event that is over is dropped. */
  result(id: number, { ok, json, bytes }: ReadResult): void {
    const pending = this.#calls.get(id);
    if (!pending) return;
    this.#calls.delete(id);
    const { filter } = pending;
    this.#journal.entering(pending.event, filter);
    this.#guarded(filter, () => {
      const output = this.#filters[filter]!.sandbox.result(
        pending.event,
        pending.call,
        ok,
        json,
        bytes,
      );
      this.#take(filter, output);
    });
  }

  /** The client went away: what runs and waits for this session is void. */
  cancel(key: number): void {
    const session = this.#sessions.get(key);
    if (!session) return;
    session.waiting.length = 0;
    const running = this.#runningOf(session);
    if (running) this.#giveUp(running);
  }

  forget(key: number): void {
    this.cancel(key);
    const session = this.#sessions.get(key);
    if (!session) return;
    this.#sessions.delete(key);
    this.#filters.forEach(({ sandbox }, filter) => {
      if (session.knownTo(filter, sandbox.incarnation))
        this.#guarded(filter, () => sandbox.forget(key));
    });
  }

  #runningOf(session: SessionCopy): Running | undefined {
    return session.running === undefined ? undefined : this.#running.get(session.running);
  }

  #begin(order: EventOrder, session: SessionCopy | undefined): void {
    session?.learn(order);
    const phase = phaseOf(order.call);
    const running: Running = {
      order,
      phase,
      session,
      position: -1,
      earlier: [...order.earlier],
      wall: undefined,
    };
    this.#running.set(order.event, running);
    if (session) session.running = order.event;
    this.#next(running);
  }

  /** Goes on to the next filter of the chain that wants the event. */
  #next(running: Running): void {
    const { order, session, phase } = running;
    for (running.position += 1; running.position < order.filters.length; running.position += 1) {
      if (session?.isDecided && isMessagePhase(phase)) break;
      const filter = order.filters[running.position]!;
      if (phase !== 'close' && session?.isSatisfied(filter)) continue;
      if (phase === 'body' && session?.hasSkipped(filter)) continue;
      this.#enter(running, filter);
      return;
    }
    this.#end(running);
  }

  /** Runs the handler of one filter; what it says leads on to {@link #next}, now or later. */
  #enter(running: Running, filter: number): void {
    const { order, session } = running;
    const { sandbox, options } = this.#filters[filter]!;
    this.#journal.entering(order.event, filter);
    this.#guarded(filter, () => {
      const facts = session ? session.factsFor(filter, sandbox.incarnation) : [];
      facts.push(...running.earlier);
      let output = sandbox.call(
        order.event,
        order.session,
        order.generation,
        order.call,
        order.buffer,
        facts,
      );
      while (output === SIGN.more) output = sandbox.resume();
      if (output === SIGN.quiet) {
        this.#next(running);
        return;
      }
      const { position } = running;
      this.#take(filter, output === SIGN.pending ? sandbox.drain() : output);
      const isWaiting = this.#running.get(order.event) === running && running.position === position;
      if (!isWaiting) return;
      writeBegun(this.#writer, order.event, filter);
      running.wall = setTimeout(() => this.#expire(running, filter), options.wallMs);
    });
  }

  /** Runs something that enters an isolate, and deals with its loss. */
  #guarded(filter: number, enter: () => void): void {
    try {
      enter();
    } catch (error) {
      if (!(error instanceof SandboxLost)) throw error;
      this.#rebuild(filter, error);
    }
  }

  /** The isolate of this filter is gone: the handlers that were in it fail, and it gets a new one. */
  #rebuild(filter: number, lost: SandboxLost): void {
    const { sandbox } = this.#filters[filter]!;
    const inside = [...this.#running.values()].filter(
      ({ order, position }) => order.filters[position] === filter,
    );
    for (const [id, pending] of this.#calls) if (pending.filter === filter) this.#calls.delete(id);
    const { error } = sandbox.load();
    writeJson(this.#writer, FRAME.rebuilt, filter, {
      kind: lost.kind,
      message: error?.message ?? lost.message,
    });
    for (const running of inside) this.#fail(running, filter, lost.kind, lost.message, '');
  }

  #expire(running: Running, filter: number): void {
    const { sandbox, options } = this.#filters[filter]!;
    this.#guarded(filter, () => {
      sandbox.abandon(running.order.event);
      this.#fail(
        running,
        filter,
        'wall',
        `took longer than its wall limit of ${options.wallMs} ms`,
        '',
      );
    });
    this.#flush();
  }

  /** Handles what an isolate put into its outbox. */
  #take(filter: number, output: string): void {
    if (output === '' || output === SIGN.pending) return;
    for (const item of parseOutbox(output)) {
      switch (item[0]) {
        case 'call': {
          const [, call, event, operation, args] = item;
          const id = this.#nextCall++;
          this.#calls.set(id, { event, filter, call });
          writeJson(this.#writer, FRAME.call, id, { event, filter, operation, args });
          break;
        }
        case 'log': {
          const [, event, level, text, fields] = item;
          writeJson(this.#writer, FRAME.log, 0, { filter, event, level, text, fields });
          break;
        }
        case 'fail': {
          const running = this.#inside(item[1], filter);
          if (running) this.#fail(running, filter, 'throw', item[2], item[3]);
          break;
        }
        case 'done': {
          const running = this.#inside(item[1], filter);
          if (running) this.#done(running, filter, item);
          break;
        }
        default:
          item satisfies never;
      }
    }
  }

  /** The event, if it is this filter's handler that runs in it. */
  #inside(event: number, filter: number): Running | undefined {
    const running = this.#running.get(event);
    return running?.order.filters[running.position] === filter ? running : undefined;
  }

  #done(running: Running, filter: number, item: DoneItem): void {
    const [, , verdict, modifications, sessionState, messageState] = item;
    const longest = Math.max(sessionState?.length ?? 0, messageState?.length ?? 0);
    const { stateBytes, modifications: most } = this.#limits;
    const changes = modifications?.length ?? 0;
    if (longest > stateBytes || changes > most) {
      const message =
        longest > stateBytes
          ? `its state takes ${longest} characters as JSON, more than limits.state of ${stateBytes}`
          : `it asked for ${changes} changes of one message, more than limits.modifications of ${most}`;
      this.#fail(running, filter, 'output', message, '');
      return;
    }
    const isObserver = this.#filters[filter]!.options.mode === 'observe';
    running.session?.keep(filter, {
      ...(sessionState !== null && { session: sessionState }),
      ...(messageState !== null && { message: messageState }),
    });
    if (modifications !== null && !isObserver) {
      running.earlier.push(encodeFact({ f: 'modified', modifications: modifications as never }));
    }
    writeJson(this.#writer, FRAME.step, running.order.event, stepReport(filter, item));
    const effective = isObserver ? undefined : ((verdict as Verdict | null) ?? undefined);
    this.#leave(running, filter, effective);
  }

  #fail(running: Running, filter: number, kind: FailureKind, message: string, stack: string): void {
    const step: StepReport = { filter, failure: { kind, message, stack } };
    writeJson(this.#writer, FRAME.step, running.order.event, step);
    const { mode, onError } = this.#filters[filter]!.options;
    this.#leave(
      running,
      filter,
      mode === 'observe' ? undefined : verdictOnError(onError, running.phase),
    );
  }

  /** A handler ended with this verdict: on to the next filter, unless it ends the chain. */
  #leave(running: Running, filter: number, verdict: Verdict | undefined): void {
    clearTimeout(running.wall);
    const { session, phase } = running;
    if (verdict !== undefined) {
      const { kind } = withoutDelay(verdict).verdict;
      if (kind === 'accept') session?.satisfy(filter, !isMessagePhase(phase));
      if (kind === 'skip') session?.skip(filter);
      if (endsChain(verdict)) {
        if (decidesMessage(verdict, phase)) session?.decide();
        this.#end(running);
        return;
      }
    }
    this.#next(running);
  }

  #end(running: Running): void {
    const { order, session } = running;
    this.#running.delete(order.event);
    writeBare(this.#writer, FRAME.done, order.event);
    if (!session) return;
    session.running = undefined;
    const next = session.waiting.shift();
    if (next) this.#begin(next, session);
  }

  /** Ends an event without a word to the worker, which has given up on it. */
  #giveUp(running: Running): void {
    clearTimeout(running.wall);
    this.#running.delete(running.order.event);
    if (running.session) running.session.running = undefined;
    const filter = running.order.filters[running.position];
    if (filter !== undefined)
      this.#guarded(filter, () => this.#filters[filter]!.sandbox.abandon(running.order.event));
  }
}
