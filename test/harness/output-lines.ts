/** The lines that a program writes, and waiting for one of them. */

/** Where {@link OutputLines.waitFor} looks and how long. */
export type LineWait = {
  /** Skips so many lines: `lines.length` from before the thing that writes the line. */
  readonly after?: number | undefined;
  readonly timeoutMs?: number | undefined;
};

type Waiter = {
  readonly matches: (line: string) => boolean;
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
};

const DEFAULT_TIMEOUT_MS = 10_000;

/** Cuts output into lines and keeps them all. */
export class OutputLines {
  readonly #lines: string[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #describe: () => string;
  #unfinished = '';
  #ended = false;

  /** @param describe what an error about a line that does not come should add */
  constructor(describe: () => string) {
    this.#describe = describe;
  }

  get all(): readonly string[] {
    return this.#lines;
  }

  push(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) this.#add(line);
  }

  /** No more output comes: everybody who still waits is told. */
  end(): void {
    if (this.#unfinished !== '') this.#add(this.#unfinished);
    this.#unfinished = '';
    this.#ended = true;
    for (const waiter of this.#waiters) waiter.reject(this.#failure('the output ended'));
  }

  /** The first line that matches, from those that came already or those to come. */
  async waitFor(matches: (line: string) => boolean, wait: LineWait = {}): Promise<string> {
    const { after = 0, timeoutMs = DEFAULT_TIMEOUT_MS } = wait;
    const found = this.#lines.slice(after).find(matches);
    if (found !== undefined) return found;
    if (this.#ended) throw this.#failure('the output ended');
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const waiter = { matches, resolve, reject };
    this.#waiters.add(waiter);
    const timer = setTimeout(() => reject(this.#failure(`${timeoutMs} ms passed`)), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
  }

  #add(line: string): void {
    this.#lines.push(line);
    for (const waiter of this.#waiters) if (waiter.matches(line)) waiter.resolve(line);
  }

  #failure(why: string): Error {
    return new Error(`${why} without the line that was waited for\n${this.#describe()}`);
  }
}
