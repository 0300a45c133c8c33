/** A number of places; who finds none waits in a line. */

export class Slots {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#line.push(resolve));
  }

  /** The place goes straight to the next in the line. */
  give(): void {
    const next = this.#line.shift();
    if (next) next();
    else this.#free += 1;
  }
}
