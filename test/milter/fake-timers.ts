/** Time that passes only when a test says so. */

import type { Timer, Timers } from '../../src/milter/timers.ts';

export class FakeTimers implements Timers {
  #now = 0;
  readonly #due = new Map<Timer, { readonly at: number; readonly action: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): Timer {
    const timer: Timer = { cancel: () => this.#due.delete(timer) };
    this.#due.set(timer, { at: this.#now + ms, action });
    return timer;
  }

  /** How many actions wait. */
  get size(): number {
    return this.#due.size;
  }

  /** Lets time pass; what falls due runs in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#due]
        .filter(([, { at }]) => at <= end)
        .sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      const [timer, { at, action }] = next;
      this.#due.delete(timer);
      this.#now = at;
      action();
    }
    this.#now = end;
  }
}
