/** Requests whose handler is over before they are. */

import { CapabilityFailure } from './failure.ts';

/** What a request ends with when its handler is over; nobody waits for it any more. */
export function abandoned(): CapabilityFailure {
  return new CapabilityFailure('ERR_ABORTED', 'the handler that asked is over');
}

/** What `promise` gives, or {@link abandoned} as soon as `signal` is aborted; `promise` itself goes on. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return promise;
  // It goes on without a reader, and its failure would be an unhandled one.
  promise.catch(() => {});
  if (signal.aborted) throw abandoned();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(abandoned());
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}
