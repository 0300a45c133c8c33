/**
 * Watches a runner from outside, since nothing inside a process can be trusted to stop it: frames
 * that it leaves unanswered, and its resident memory.
 */

import { readFileSync } from 'node:fs';

const TICK_MS = 25;
const PAGE_BYTES = 4096;

/** However busy the machine, a runner takes in so many bytes in a millisecond. */
const BYTES_PER_MS = 10_000;

export interface WatchdogLimits {
  readonly answerMs: number;
  readonly memoryBytes: number;
}

export class Watchdog {
  readonly #pid: number;
  readonly #limits: WatchdogLimits;
  readonly #bite: (why: string) => void;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #answered = 0;
  #silentMs = 0;
  #answerMs: number;
  #allowedMs = 0;
  #lastTick = performance.now();

  constructor(pid: number, limits: WatchdogLimits, bite: (why: string) => void) {
    this.#pid = pid;
    this.#limits = limits;
    this.#answerMs = limits.answerMs;
    this.#bite = bite;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** A frame was sent. */
  asked(): void {
    if (this.#sent === this.#answered) this.#silentMs = 0;
    this.#sent = (this.#sent + 1) >>> 0;
  }

  /** The runner has handled this many frames. */
  answered(count: number): void {
    if (count === this.#answered) return;
    this.#answered = count;
    this.#silentMs = 0;
    if (count === this.#sent) this.#allowedMs = 0;
  }

  /** From now on an answer may take this long. */
  expectAnswers(withinMs: number): void {
    this.#answerMs = withinMs;
  }

  /** What was asked for takes longer than usual; until all is answered, this long is fine. */
  allow(ms: number): void {
    this.#allowedMs = Math.max(this.#allowedMs, ms);
  }

  /** So many bytes were sent: a large message takes longer to arrive than a handler to run. */
  allowFor(bytes: number): void {
    this.allow(this.#answerMs + bytes / BYTES_PER_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    // A tick that comes late says that this process was held up, which is not the runner's fault.
    const passedMs = Math.min(now - this.#lastTick, 2 * TICK_MS);
    this.#lastTick = now;
    this.#checkMemory();
    if (this.#sent === this.#answered) return;
    this.#silentMs += passedMs;
    const limitMs = Math.max(this.#answerMs, this.#allowedMs);
    if (this.#silentMs > limitMs) {
      this.stop();
      this.#bite(
        `it left ${(this.#sent - this.#answered) >>> 0} frames unanswered for ${Math.round(limitMs)} ms`,
      );
    }
  }

  #checkMemory(): void {
    const bytes = residentBytes(this.#pid);
    if (bytes <= this.#limits.memoryBytes) return;
    this.stop();
    const mb = (value: number) => Math.round(value / 1024 ** 2);
    this.#bite(
      `it used ${mb(bytes)} MB of memory, more than limits.runnerMemory of ${mb(this.#limits.memoryBytes)} MB`,
    );
  }
}

/** Resident memory of a process; 0 where /proc does not tell. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
