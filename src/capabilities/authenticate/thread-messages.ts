/** What the worker and the thread that runs mailauth say to each other. */

import type { ResultsJson } from './results.ts';

/** The message and what the MTA told of its session. */
export interface AuthenticateJob {
  /** Headers as they came and the raw body; the buffer moves. */
  readonly message: ArrayBuffer;
  /** `undefined` for a client without one, such as one on a unix socket. */
  readonly address: string | undefined;
  readonly helo: string | undefined;
  /** Without its angle brackets; `''` is the null sender. */
  readonly sender: string;
  /** Who speaks in the Authentication-Results header (RFC 8601 section 2.5). */
  readonly mta: string;
}

export type ToThread =
  | { readonly kind: 'begin'; readonly id: number; readonly job: AuthenticateJob }
  /** Nobody waits for this one any more. Answered by `dropped` as soon as it is not worked on. */
  | { readonly kind: 'drop'; readonly id: number }
  | { readonly kind: 'found'; readonly lookup: number; readonly value: unknown }
  | { readonly kind: 'missed'; readonly lookup: number; readonly code: string };

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly results: ResultsJson }
  /** mailauth threw this error, by its name. */
  | { readonly kind: 'failed'; readonly id: number; readonly name: string }
  /** A question for the DNS. */
  | {
      readonly kind: 'lookup';
      readonly id: number;
      readonly lookup: number;
      readonly name: string;
      readonly type: string;
    }
  | { readonly kind: 'dropped'; readonly id: number };
