/**
 * Runs events through their chains of filters: one filter after the other until one ends the
 * chain, sessions side by side, the events of one session in order.
 */

import { verdictOnError } from '../policy/on-error.ts';
import type { FilterOptions } from '../policy/options.ts';
import type { Verdict } from '../policy/verdict.ts';
import { type AskedCall, Calls } from './calls.ts';
import { beginChain, concludes, nextFilter } from './chain.ts';
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
import { MessageParses } from './mime/message-parses.ts';
import {
  type DoneItem,
  type OutputLimits,
  outputExcess,
  outputMisfit,
  parseOutbox,
  type Running,
  stepReport,
} from './running.ts';
import { type Sandbox, SandboxLost } from './sandbox.ts';
import { SessionCopy } from './session-copy.ts';

/** A filter in this runner. */
export interface HostedFilter {
  readonly sandbox: Sandbox;
  readonly options: FilterOptions;
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
  readonly #parses: MessageParses;
  readonly #calls: Calls;

  constructor(
    filters: readonly HostedFilter[],
    io: {
      readonly writer: FrameWriter;
      readonly journal: JournalWriter;
      readonly flush: () => void;
    },
    limits: OutputLimits & Pick<LoadOrder, 'parse'>,
  ) {
    this.#filters = filters;
    this.#writer = io.writer;
    this.#journal = io.journal;
    this.#flush = io.flush;
    this.#limits = limits;
    this.#parses = new MessageParses(limits.parse);
    this.#calls = new Calls(io, this.#parses, (asked, result) => this.#answer(asked, result));
  }

  open(key: number, order: SessionOrder): void {
    this.#sessions.set(key, new SessionCopy(key, order));
  }

  event(order: EventOrder): void {
    const session = this.#sessions.get(order.session);
    if (session && this.#runningOf(session)) session.waiting.push(order);
    else this.#begin(order, session);
  }

  /** The worker's answer to a capability request. */
  result(id: number, result: ReadResult): void {
    this.#calls.result(id, result);
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

  /** An answer for a handler, and what it does with it. */
  #answer({ event, filter, call }: AskedCall, { ok, json, bytes }: ReadResult): void {
    this.#journal.entering(event, filter);
    this.#guarded(filter, () => {
      this.#take(filter, this.#filters[filter]!.sandbox.result(event, call, ok, json, bytes));
    });
  }

  #runningOf(session: SessionCopy): Running | undefined {
    return session.running === undefined ? undefined : this.#running.get(session.running);
  }

  #begin(order: EventOrder, session: SessionCopy | undefined): void {
    const running = beginChain(order, session);
    this.#running.set(order.event, running);
    this.#next(running);
  }

  /** Goes on to the next filter of the chain that wants the event. */
  #next(running: Running): void {
    const filter = nextFilter(running);
    if (filter === undefined) this.#end(running);
    else this.#enter(running, filter);
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
    this.#calls.lose(filter);
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
          const isInside = this.#inside(event, filter) !== undefined;
          this.#calls.ask({ event, filter, call }, operation, args, isInside);
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
    const misfit = outputMisfit(item, running.phase);
    const why =
      misfit === undefined
        ? outputExcess(item, this.#limits)
        : `gave an answer that is none: ${misfit}`;
    if (why !== undefined) {
      this.#fail(running, filter, 'output', why, '');
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
    this.#parses.settle(running.order.event);
    if (verdict !== undefined && concludes(running, filter, verdict)) this.#end(running);
    else this.#next(running);
  }

  #end(running: Running): void {
    const { order, session } = running;
    this.#running.delete(order.event);
    this.#parses.forget(order.event);
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
    this.#parses.forget(running.order.event);
    if (running.session) running.session.running = undefined;
    const filter = running.order.filters[running.position];
    if (filter !== undefined)
      this.#guarded(filter, () => this.#filters[filter]!.sandbox.abandon(running.order.event));
  }
}
