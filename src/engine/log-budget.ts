/** How much filters may log: a filter that floods must not drown the others, nor fill the disk. */

/** Lines are counted in seconds. */
const SECOND_MS = 1000;

export class LogBudget {
  readonly #linesPerSecond: number;
  /** Told how many lines of a filter were left out, once a second at most. */
  readonly #leftOut: (filter: number, lines: number) => void;
  readonly #counts = new Map<number, { said: number; leftOut: number; timer: NodeJS.Timeout }>();

  constructor(linesPerSecond: number, leftOut: (filter: number, lines: number) => void) {
    this.#linesPerSecond = linesPerSecond;
    this.#leftOut = leftOut;
  }

  /** Whether this filter may log one more line; if not, it is counted. */
  allows(filter: number): boolean {
    const count = this.#counts.get(filter) ?? this.#begin(filter);
    count.said += 1;
    if (count.said <= this.#linesPerSecond) return true;
    count.leftOut += 1;
    return false;
  }

  #begin(filter: number) {
    const timer = setTimeout(() => this.#end(filter), SECOND_MS);
    timer.unref();
    const count = { said: 0, leftOut: 0, timer };
    this.#counts.set(filter, count);
    return count;
  }

  #end(filter: number): void {
    const leftOut = this.#counts.get(filter)?.leftOut ?? 0;
    this.#counts.delete(filter);
    if (leftOut > 0) this.#leftOut(filter, leftOut);
  }
}
