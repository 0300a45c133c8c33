/** What the benchmark tells its processes, and what they answer. */

/** Sessions that say HELO at a fixed pace, one child process of them. */
export interface LoadOrder {
  /** A listener, as Postfix writes it. */
  readonly listen: string;
  readonly sessions: number;
  /** What they say in HELO: what the filter is to wait for. */
  readonly helo: 'none' | 'sleep' | 'http';
  /** Milliseconds from one HELO of a session to the next; one that is not answered by then is late. */
  readonly everyMs: number;
  /** For so long. */
  readonly lastsMs: number;
}

export type LoadAnswer =
  /** All sessions are open. */
  | { readonly is: 'open' }
  /** Milliseconds from HELO to its answer, of each; how many answers were the filter's failure. */
  | { readonly is: 'done'; readonly tookMs: readonly number[]; readonly failed: number };

/** The web server of the benchmark listens. */
export interface WebAnswer {
  readonly ports: readonly number[];
}
