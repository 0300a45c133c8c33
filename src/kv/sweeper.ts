/** Removes expired entries in the background, a few at a time. */

/** Entries that one batch looks at, at most: a few milliseconds of work. */
export const SWEEP_BATCH = 256;

/** Default of how often expired entries are looked for. */
export const SWEEP_EVERY_MS = 10_000;

/** Where there is more to do, the event loop gets air in between. */
const NEXT_BATCH_MS = 10;

/** Calls `sweepBatch`, which tells whether there is more to do at once, again and again. */
export class Sweeper {
  readonly #sweepBatch: () => Promise<boolean>;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #stopped = false;

  /** `everyMs` 0: never. */
  constructor(sweepBatch: () => Promise<boolean>, everyMs: number = SWEEP_EVERY_MS) {
    this.#sweepBatch = sweepBatch;
    this.#everyMs = everyMs;
    if (everyMs > 0) this.#wait(everyMs);
  }

  /** No batch begins any more; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#underWay = this.#sweep();
    }, ms);
    // A process that has nothing else to do may end.
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    // What keeps a sweep from writing keeps everybody from writing, and they report it.
    const more = await this.#sweepBatch().catch(() => false);
    if (!this.#stopped) this.#wait(more ? NEXT_BATCH_MS : this.#everyMs);
  }
}
