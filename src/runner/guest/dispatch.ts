/**
 * Runs handlers. A call into the isolate runs one phase of one session; a handler that awaits
 * leaves a run behind, which later calls with answers bring to its end.
 */

import type { Phase } from '../../policy/phases.ts';
import { CONTINUE, endsChain, type Verdict } from '../../policy/verdict.ts';
import { SIGN } from '../guest-border.ts';
import { openRuns, runName, setCalling, setCurrentEvent } from './current.ts';
import { cancel, hasItems, put } from './outbox.ts';
import type { GuestSession } from './session.ts';
import { verdictOf } from './verdicts.ts';

export type Handler = (...args: unknown[]) => unknown;

/** Several headers in one call share its CPU limit; after this long the rest gets a call of its own. */
const SLICE_MS = 10;

interface Run {
  readonly event: number;
  readonly phase: Phase;
  readonly handler: Handler;
  readonly session: GuestSession | undefined;
  /** The handler's calls: one list of arguments each. */
  readonly calls: readonly (readonly unknown[])[];
  next: number;
  delayMs: number;
}

let resumable: Run | undefined;

/** Begins a run; the result is one of the signs of the border, or `undefined` when the outbox has more. */
export function begin(
  event: number,
  phase: Phase,
  handler: Handler,
  session: GuestSession | undefined,
  calls: readonly (readonly unknown[])[],
): string | undefined {
  return proceed({ event, phase, handler, session, calls, next: 0, delayMs: 0 }, true);
}

export function resume(): string | undefined {
  const run = resumable;
  resumable = undefined;
  return run ? proceed(run, true) : SIGN.quiet;
}

/** The host gave up on this event: whatever its handler still does is not heard. */
export function abandon(event: number): void {
  openRuns.delete(event);
  if (resumable?.event === event) resumable = undefined;
  cancel(event);
}

/** `sync`: within the call that the host made, so that what is returned reaches it. */
function proceed(run: Run, sync: boolean): string | undefined {
  const startedAt = Date.now();
  while (run.next < run.calls.length) {
    if (sync && run.next > 0 && Date.now() - startedAt >= SLICE_MS) {
      resumable = run;
      return SIGN.more;
    }
    const args = run.calls[run.next++]!;
    let returned: unknown;
    try {
      const { handler } = run;
      setCalling(run.event);
      try {
        returned = handler(...args);
      } finally {
        setCalling(undefined);
      }
      if (isThenable(returned)) {
        wait(run, returned);
        return SIGN.pending;
      }
      const verdict = take(run, returned);
      if (verdict !== undefined) return finish(run, verdict, sync);
    } catch (error) {
      return fail(run, error);
    }
  }
  return finish(run, CONTINUE, sync);
}

function wait(run: Run, promise: PromiseLike<unknown>): void {
  openRuns.add(run.event);
  const asRun = Object.defineProperty(async () => await promise, 'name', {
    value: runName(run.event),
  });
  asRun().then(
    (value) => {
      if (!openRuns.delete(run.event)) return;
      setCurrentEvent(run.event);
      try {
        const verdict = take(run, value);
        if (verdict !== undefined) finish(run, verdict, false);
        else proceed(run, false);
      } catch (error) {
        fail(run, error);
      }
    },
    (error) => {
      if (openRuns.delete(run.event)) fail(run, error);
    },
  );
}

/** The verdict that ends the run, or `undefined` to go on with its next call. */
function take(run: Run, returned: unknown): Verdict | undefined {
  const verdict = verdictOf(returned, run.phase);
  if (verdict.kind === 'continue') return undefined;
  if (verdict.kind === 'delay' && !endsChain(verdict) && verdict.answer.kind === 'continue') {
    run.delayMs += verdict.ms;
    return undefined;
  }
  return verdict;
}

function finish(run: Run, verdict: Verdict, sync: boolean): string | undefined {
  const whole: Verdict =
    run.delayMs > 0 ? { kind: 'delay', ms: run.delayMs, answer: verdict } : verdict;
  const message = run.session?.message;
  const modifications = message?.takeModifications() ?? [];
  let sessionState: string | null;
  let messageState: string | null;
  try {
    sessionState = run.session?.kept.changed() ?? null;
    messageState = message?.kept.changed() ?? null;
  } catch (error) {
    return fail(
      run,
      new TypeError(`state must hold JSON values only: ${String((error as Error).message)}`),
    );
  }
  cancel(run.event);
  const isQuiet =
    whole.kind === 'continue' &&
    modifications.length === 0 &&
    sessionState === null &&
    messageState === null;
  if (isQuiet && sync && !hasItems()) return SIGN.quiet;
  put([
    'done',
    run.event,
    whole,
    modifications.length > 0 ? modifications : null,
    sessionState,
    messageState,
  ]);
  return undefined;
}

function fail(run: Run, error: unknown): undefined {
  run.session?.message?.takeModifications();
  cancel(run.event);
  const [message, stack] = explain(error);
  put(['fail', run.event, message, stack]);
  return undefined;
}

/** What an author threw, as two texts. Anything can be thrown, and anything can be a getter. */
export function explain(error: unknown): [message: string, stack: string] {
  try {
    if (error instanceof Error) {
      return [
        `${String(error.name)}: ${String(error.message)}`.slice(0, 2048),
        String(error.stack ?? '').slice(0, 8192),
      ];
    }
    return [
      `threw ${typeof error === 'string' ? JSON.stringify(error) : String(error)}`.slice(0, 2048),
      '',
    ];
  } catch {
    return ['threw something that cannot be shown', ''];
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
