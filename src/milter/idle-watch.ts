/** Notices that a peer has been silent for too long. */

import type { Timer, Timers } from './timers.ts';

export interface IdleWatchOptions {
  readonly timers: Timers;
  /** How long silence may last; may change. */
  readonly idleMs: () => number;
  /** It is not the peer's turn: its silence does not count. */
  readonly isOurTurn: () => boolean;
  readonly onIdle: () => void;
}

export class IdleWatch {
  readonly #options: IdleWatchOptions;
  #heardAt: number;
  #timer: Timer;

  constructor(options: IdleWatchOptions) {
    this.#options = options;
    this.#heardAt = options.timers.now();
    this.#timer = this.#watch(options.idleMs());
  }

  /** Something came. Costs a look at the clock; the timer goes on and looks later. */
  heard(): void {
    this.#heardAt = this.#options.timers.now();
  }

  /** How long nothing has come. */
  get silentMs(): number {
    return this.#options.timers.now() - this.#heardAt;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #watch(ms: number): Timer {
    const { timers, idleMs, isOurTurn, onIdle } = this.#options;
    return timers.after(ms, () => {
      const leftMs = idleMs() - this.silentMs;
      if (leftMs > 0) this.#timer = this.#watch(leftMs);
      else if (isOurTurn()) this.#timer = this.#watch(idleMs());
      else onIdle();
    });
  }
}
