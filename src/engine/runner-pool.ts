/**
 * The runners of one worker: some that serve and one warm spare, all loaded with the same filters.
 * When one dies the spare takes its place at once, and a new spare is started.
 */

import type { FilterOptions } from '../policy/options.ts';
import type { FrameReader } from '../runner/frame-stream.ts';
import { FRAME, type LoadOrder } from '../runner/frames.ts';
import type { LoadReport } from '../runner/guest-border.ts';
import type { JournalNote } from '../runner/journal.ts';
import type { Logger } from './logger.ts';
import { type RunnerEvents, type RunnerLimits, RunnerProcess } from './runner-process.ts';
import { LoadedReportSchema } from './step.ts';

/** A runner that dies young is replaced later and later, so that a crash loop does not eat the machine. */
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;

export interface PoolOptions {
  /** Serving runners; the spare comes on top. */
  readonly runners: number;
  /** `1` for the runners of worker 1: `postern runner 1.1`. */
  readonly worker: string;
  readonly order: Omit<LoadOrder, 'title'>;
  readonly limits: RunnerLimits;
  readonly logger: Logger;
  /** The filters' options, once a first runner has told what they export. */
  resolve(reports: readonly LoadReport[]): readonly FilterOptions[];
  /** Runs the filters' `init` in a runner that is loaded; rejects when one fails. */
  init(runner: RunnerProcess): Promise<void>;
  readonly events: RunnerEvents;
  /** A runner began to serve. */
  serving(): void;
}

interface Loading {
  readonly loaded: (reports: readonly LoadReport[]) => void;
  readonly started: () => void;
  readonly failed: (error: Error) => void;
}

export class RunnerPool {
  readonly #options: PoolOptions;
  readonly #serving: RunnerProcess[] = [];
  readonly #spares: RunnerProcess[] = [];
  readonly #loading = new Map<RunnerProcess, Loading>();
  #filterOptions: readonly FilterOptions[] | undefined;
  #count = 0;
  #backoffMs = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Starts the runners; rejects when the filters do not load. */
  async open(): Promise<void> {
    for (let count = 0; count < this.#options.runners; count += 1)
      this.#serving.push(await this.#start());
    this.#options.serving();
    // Nobody waits for the spare: it is for later.
    this.#refill();
  }

  /** The runner for a new session: the one that serves the fewest; `undefined` while there is none. */
  pick(load: (runner: RunnerProcess) => number): RunnerProcess | undefined {
    let best: RunnerProcess | undefined;
    for (const runner of this.#serving) if (!best || load(runner) < load(best)) best = runner;
    return best;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    for (const { failed } of this.#loading.values()) failed(new Error('the engine was closed'));
    await Promise.all(
      [...this.#serving, ...this.#spares, ...this.#loading.keys()].map((runner) => runner.end()),
    );
  }

  /** Every runner that could be asked to end in an orderly way. */
  get all(): readonly RunnerProcess[] {
    return [...this.#serving, ...this.#spares];
  }

  async #start(): Promise<RunnerProcess> {
    this.#count += 1;
    const { worker, limits, order, resolve, init } = this.#options;
    const title = `postern runner ${worker}.${this.#count}`;
    const runner = new RunnerProcess(title, limits, {
      frame: (from, frame) => this.#frame(from, frame),
      died: (which, why, note) => this.#died(which, why, note),
    });
    try {
      const reports = await new Promise<readonly LoadReport[]>((loaded, failed) => {
        this.#loading.set(runner, { loaded, failed, started: () => {} });
        runner.load({ ...order, title });
      });
      this.#filterOptions ??= resolve(reports);
      await new Promise<void>((started, failed) => {
        this.#loading.set(runner, { started, failed, loaded: () => {} });
        runner.start({ options: this.#filterOptions! });
      });
      await init(runner);
      return runner;
    } catch (error) {
      await runner.end();
      throw error;
    } finally {
      this.#loading.delete(runner);
    }
  }

  #frame(runner: RunnerProcess, frame: FrameReader): void {
    if (frame.type === FRAME.loaded) {
      const reports = LoadedReportSchema.parse(JSON.parse(frame.text()));
      this.#loading.get(runner)?.loaded(reports as readonly LoadReport[]);
    } else if (frame.type === FRAME.started) this.#loading.get(runner)?.started();
    else this.#options.events.frame(runner, frame);
  }

  #died(runner: RunnerProcess, why: string, note: JournalNote | undefined): void {
    const { logger, events, serving } = this.#options;
    logger.error({ runner: runner.title, pid: runner.pid }, `runner died: it ${why}`);
    this.#loading.get(runner)?.failed(new Error(`${runner.title} ${why}`));
    remove(this.#spares, runner);
    if (remove(this.#serving, runner)) {
      const spare = this.#spares.shift();
      if (spare) this.#serving.push(spare);
    }
    events.died(runner, why, note);
    if (this.#serving.length > 0) serving();
    this.#refill();
  }

  /** Brings the runners back to their number and one spare, one at a time. */
  #refill(): void {
    const isFull = this.#serving.length >= this.#options.runners && this.#spares.length > 0;
    if (this.#isClosed || isFull || this.#loading.size > 0 || this.#retry) return;
    this.#start().then(
      (runner) => {
        this.#backoffMs = 0;
        if (this.#isClosed) return void runner.end();
        if (this.#serving.length < this.#options.runners) {
          this.#serving.push(runner);
          this.#options.serving();
        } else this.#spares.push(runner);
        this.#refill();
      },
      (error: Error) => {
        if (this.#isClosed) return;
        this.#backoffMs = Math.min(
          Math.max(this.#backoffMs * 2, FIRST_BACKOFF_MS),
          LONGEST_BACKOFF_MS,
        );
        this.#options.logger.error(
          { retryMs: this.#backoffMs },
          `a new runner could not be started: ${error.message}`,
        );
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#refill();
        }, this.#backoffMs);
      },
    );
  }
}

function remove<T>(list: T[], item: T): boolean {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}
