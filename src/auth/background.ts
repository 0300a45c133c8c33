/** What filters still work on after its sender had an answer: reports and events. */

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export class Background {
  readonly #ending = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor() {
    setMaxListeners(0, this.#ending.signal);
  }

  /** Aborted when the server ends: nobody works on it any more. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Gives the same promise, which must not reject. */
  add<Result>(work: Promise<Result>): Promise<Result> {
    this.#running.add(work);
    void work.then(() => this.#running.delete(work));
    return work;
  }

  /** Waits for what is under way, for `graceMs` at most, and gives up the rest. */
  async end(graceMs: number): Promise<void> {
    await atMost(graceMs, Promise.all(this.#running));
    this.#ending.abort();
  }
}

/** Resolves with the promise, or after `ms` without it. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const over = sleep(ms, undefined, { signal: patience.signal }).catch(() => {});
  await Promise.race([promise, over]);
  patience.abort();
}
