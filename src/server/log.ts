/** The server's log: one JSON line an event, to stdout. */

import pino, { type Logger } from 'pino';

/** `process`: which of Postern's processes says it, such as `worker 1`. */
export function openLog(process: string): Logger {
  return pino(
    { base: { process }, level: 'info', formatters: { level: (label) => ({ level: label }) } },
    // Synchronous: the last words of a process that ends are the ones that matter.
    pino.destination({ dest: 1, sync: true }),
  );
}
