/** The thread with mailauth, seen from the worker: starts it, answers its questions, notices its end. */

import { Worker } from 'node:worker_threads';
import type { ResultsJson } from './results.ts';
import type { AuthenticateJob, FromThread, ToThread } from './thread-messages.ts';

const MAIN = new URL('./thread.ts', import.meta.url);

/** Heap; messages lie outside of it. */
const RESOURCES = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };

/** Modules are read from disk, on a machine that may be busy. */
const STARTING_MS = 20_000;

/** How long a thread may go on with a message that nobody waits for: mailauth cannot be told to stop. */
const DROPPING_MS = 1000;

/** Answers one question; rejects with an error that has a `code`, as node:dns does. */
export type Resolver = (name: string, type: string) => Promise<unknown>;

/** Told of what comes of jobs, by their numbers. */
export interface ThreadEvents {
  done(id: number, results: ResultsJson): void;
  failed(id: number, name: string): void;
  /** It takes jobs from now on. */
  ready(): void;
  /** It ended; its jobs are lost. `wasReady`: it had begun to take some. */
  gone(wasReady: boolean): void;
  /** Asked for a question of this job; `undefined`: it has asked enough. */
  resolverOf(id: number): Resolver | undefined;
}

export class MailauthThread {
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  #isReady = false;
  #isGone = false;
  readonly #starting: NodeJS.Timeout;
  /** Jobs that are to end, each with the thread's end if they do not. */
  readonly #dropping = new Map<number, NodeJS.Timeout>();

  constructor(events: ThreadEvents) {
    this.#events = events;
    this.#worker = new Worker(MAIN, {
      env: {},
      execArgv: [],
      resourceLimits: RESOURCES,
      name: 'mailauth',
    });
    // A worker lives as long as its sockets do.
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => this.#heard(message));
    this.#worker.on('error', () => this.end());
    this.#worker.on('exit', () => this.end());
    this.#starting = this.#endAfter(STARTING_MS);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The buffer of its message moves to the thread. */
  begin(id: number, job: AuthenticateJob): void {
    this.#say({ kind: 'begin', id, job }, [job.message]);
  }

  /** Nobody waits for this job any more; a thread that does not end it is ended. */
  drop(id: number): void {
    if (this.#isGone) return;
    this.#say({ kind: 'drop', id });
    this.#dropping.set(id, this.#endAfter(DROPPING_MS));
  }

  end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    clearTimeout(this.#starting);
    for (const timer of this.#dropping.values()) clearTimeout(timer);
    this.#worker.terminate();
    this.#events.gone(this.#isReady);
  }

  #say(message: ToThread, transfer: ArrayBuffer[] = []): void {
    if (!this.#isGone) this.#worker.postMessage(message, transfer);
  }

  #endAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.end(), ms);
  }

  #heard(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        clearTimeout(this.#starting);
        this.#isReady = true;
        this.#events.ready();
        return;
      case 'dropped':
        clearTimeout(this.#dropping.get(message.id));
        this.#dropping.delete(message.id);
        return;
      case 'done':
        this.#events.done(message.id, message.results);
        return;
      case 'failed':
        this.#events.failed(message.id, message.name);
        return;
      case 'lookup':
        this.#lookup(message);
        return;
      default:
        message satisfies never;
    }
  }

  async #lookup({
    id,
    lookup,
    name,
    type,
  }: Extract<FromThread, { kind: 'lookup' }>): Promise<void> {
    const resolver = this.#events.resolverOf(id);
    if (!resolver) {
      this.#say({ kind: 'missed', lookup, code: 'ELOOKUPLIMIT' });
      return;
    }
    try {
      // A copy: what a resolver gives is its own, and may be more than data.
      const value: unknown = structuredClone(await resolver(name, type));
      this.#say({ kind: 'found', lookup, value });
    } catch (error) {
      const { code } = error as { code?: unknown };
      this.#say({ kind: 'missed', lookup, code: typeof code === 'string' ? code : 'ESERVFAIL' });
    }
  }
}
