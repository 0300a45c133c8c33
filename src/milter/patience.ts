/** Waiting on purpose: tarpits, and the sign of life that the MTA gets meanwhile. */

import type { Timer, Timers } from './timers.ts';

/** One wait at a time, which ends early when the client is gone. */
export class Patience {
  readonly #timers: Timers;
  #end: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#timers.after(ms, () => this.#end?.());
      this.#end = () => {
        timer.cancel();
        this.#end = undefined;
        resolve();
      };
    });
  }

  giveUp(): void {
    this.#end?.();
  }
}

/** Filters may ask for a PROGRESS as often as they like; the MTA needs one every few seconds. */
const LEAST_MS_BETWEEN = 1_000;

/** PROGRESS while the end of a message takes long. */
export class Progress {
  readonly #timers: Timers;
  readonly #everyMs: number;
  readonly #send: () => void;
  #running: { timer: Timer; sentAt: number } | undefined;

  constructor(timers: Timers, everyMs: number, send: () => void) {
    this.#timers = timers;
    this.#everyMs = everyMs;
    this.#send = send;
  }

  start(): void {
    this.#running ??= { timer: this.#next(), sentAt: Number.NEGATIVE_INFINITY };
  }

  stop(): void {
    this.#running?.timer.cancel();
    this.#running = undefined;
  }

  /** A filter asked for one. Outside of the end of a message MTAs do not understand it. */
  request(): void {
    if (this.#running === undefined) return;
    if (this.#timers.now() - this.#running.sentAt < LEAST_MS_BETWEEN) return;
    this.#running.timer.cancel();
    this.#sendOne();
  }

  #sendOne(): void {
    this.#running = { timer: this.#next(), sentAt: this.#timers.now() };
    this.#send();
  }

  #next(): Timer {
    return this.#timers.after(this.#everyMs, () => this.#sendOne());
  }
}
