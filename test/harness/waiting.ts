/** Waiting that gives up, and says what it waited for. */

const POLL_INTERVAL_MS = 20;

/** How long {@link pollFor} asks, and what it says when it gives up. */
export type PollOptions = {
  readonly timeoutMs: number;
  /** Called only when the time is over, so that it can tell the latest state. */
  readonly failure: () => string;
  /** Ends the waiting early, with an error. */
  readonly signal?: AbortSignal;
};

/**
 * Asks `check` until it gives a value. Only for what has no event to wait for,
 * such as a file that another program writes.
 */
export async function pollFor<T>(
  check: () => T | undefined | Promise<T | undefined>,
  options: PollOptions,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    options.signal?.throwIfAborted();
    if (performance.now() >= deadline) throw new Error(options.failure());
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** What `promise` gives, or an error with the text of `failure` when that takes too long. */
export async function within<T>(
  timeoutMs: number,
  promise: Promise<T>,
  failure: () => string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(failure())), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
