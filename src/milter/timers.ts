/** Time, so that tests can hold it. */

export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Milliseconds that only grow. */
  now(): number;
  /** Runs `action` once, `ms` milliseconds from now. */
  after(ms: number, action: () => void): Timer;
}

/** Node's timers take a signed 32-bit number of milliseconds and turn longer ones into 1. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  now: () => performance.now(),
  after(ms, action) {
    const handle = setTimeout(action, Math.min(ms, LONGEST_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};
