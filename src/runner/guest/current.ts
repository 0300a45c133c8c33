/**
 * Which event a request or a log line is on behalf of. A call into the isolate concerns one event,
 * but what it wakes may be the handlers of several: all that await one promise, such as one that
 * a filter keeps at the top of its module. Then the asynchronous stack says whose code asks: it
 * ends in the function, named after its event, with which the dispatcher awaits the handler.
 *
 * What remains: V8 does not follow every chain of promises (callbacks that an author calls by
 * hand, stacks deeper than STACK_DEPTH). What is asked there counts for the event of the call.
 */

/** Frames to look through for the handler that asks. */
const STACK_DEPTH = 100;

const NAME = 'postern run ';

// As they were before the filter came.
const { captureStackTrace } = Error;

let event = 0;
let calling: number | undefined;

/** Events whose handlers have begun, and await something. */
export const openRuns = new Set<number>();

/** The name of the function that awaits the handler of this event. */
export function runName(id: number): string {
  return NAME + id;
}

export function currentEvent(): number {
  if (calling !== undefined) return calling;
  if (openRuns.size === 0 || (openRuns.size === 1 && openRuns.has(event))) return event;
  return askingRun() ?? event;
}

export function setCurrentEvent(id: number): void {
  event = id;
}

/** The handler of this event is called: until it returns, nobody else's code runs. */
export function setCalling(id: number | undefined): void {
  calling = id;
}

/** Whether the handler of this event has not ended. */
export function isOpen(id: number): boolean {
  return calling === id || openRuns.has(id);
}

/** The open run whose code is on the asynchronous stack. */
function askingRun(): number | undefined {
  try {
    const name = functionNames().findLast((known) => known?.startsWith(NAME));
    const id = Number(name?.slice(NAME.length));
    return openRuns.has(id) ? id : undefined;
  } catch {
    // A filter made something else of Error.
    return undefined;
  }
}

function functionNames(): (string | null)[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  Error.stackTraceLimit = STACK_DEPTH;
  // Without this, V8 works out files and lines, which costs more than all the rest.
  Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFunctionName());
  try {
    captureStackTrace(holder);
    return holder.stack as (string | null)[];
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    if (prepareStackTrace) Error.prepareStackTrace = prepareStackTrace;
    else delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
  }
}
