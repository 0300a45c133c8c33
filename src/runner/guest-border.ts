/**
 * The functions that the guest library gives to its host. Numbers, texts and buffers cross,
 * nothing else. Types only: the isolate and the runner both import them.
 */

import type { Call } from '../policy/event.ts';

/** A call as it crosses: the chunks of a body lie one behind the other in a buffer beside it. */
export type GuestCall =
  | Exclude<Call, { readonly phase: 'body' }>
  | { readonly phase: 'body'; readonly lengths: readonly number[] };

/** The first fact that an isolate hears of a session. States are JSON texts. */
export interface SessionOpening {
  readonly id: string;
  readonly session?: string;
  readonly message?: string;
}

/** What evaluating a filter showed. */
export interface LoadReport {
  /** Exported functions that are named after phases. */
  readonly phases: readonly string[];
  /** Other exports. */
  readonly unknown: readonly string[];
  /** The exported `options`, not yet checked. */
  readonly options?: unknown;
  readonly error?: { readonly message: string; readonly stack: string };
}

/** What `call` and `resume` return when it is not the outbox as JSON. */
export const SIGN = {
  /** The handlers ended and there is nothing to say. */
  quiet: '',
  /** A handler awaits something; `drain` has what it asked for. */
  pending: '*',
  /** There is more to do: after `call` and `resume`, call `resume`; after `drain`, `drain`. */
  more: '+',
} as const;

/** What the guest library holds its filter to by itself, before anything crosses. */
export interface GuestLimits {
  /** What one handler may ask for and not yet have. */
  readonly calls: number;
  /** Lines of log in a second; more than the worker writes, which says how many it left out. */
  readonly logLines: number;
}

export interface GuestBorder {
  /** Evaluates the filter; returns a {@link LoadReport} as JSON. */
  load(factory: unknown, settingsJson: string, limitsJson: string): string;
  /** Runs a phase. `facts` are those that this isolate has not seen; the first of a session is its {@link SessionOpening}. */
  call(
    event: number,
    sessionKey: number,
    generation: number,
    callJson: string,
    buffer: ArrayBuffer | undefined,
    ...facts: string[]
  ): string;
  resume(): string;
  /** The answer to a capability request: JSON, or bytes in `buffer`. */
  result(event: number, call: number, ok: boolean, json: string, buffer?: ArrayBuffer): void;
  /** The outbox as JSON, a list of OutboxItem, or `''`; {@link SIGN.more}: handlers were given what others left. */
  drain(): string;
  /**
   * What the last function returned (`''` where it is nothing), once; for a host that lost it to an
   * unhandled rejection. `undefined`: it was the function itself that threw.
   */
  again(): string | undefined;
  /** The host gave up on this event. */
  abandon(event: number): void;
  forget(sessionKey: number): void;
}
