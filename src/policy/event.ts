/**
 * What happens in an SMTP session, as plain data: *facts*, which every filter may look at
 * later, and *calls*, which some filters handle now. Texts are decoded (UTF-8 where valid,
 * else Latin-1); what must stay exact is latin1, one character a byte, and says so.
 */

import type { AccessRequest, LoginAttempt, LoginOutcome, ServerEvent } from './logins.ts';
import type { MacroStage } from './macros.ts';
import type { Modification } from './modification.ts';
import type { SmtpPhase } from './phases.ts';

export type ClientFamily = 'inet' | 'inet6' | 'unix' | 'unknown';

/** What became known about a session. The worker tells it; filters see it in `session` and `message`. */
export type Fact =
  | {
      readonly f: 'connect';
      readonly hostname: string;
      readonly family: ClientFamily;
      /** Without the `IPv6:` prefix and brackets; `''` when unknown. */
      readonly address: string;
      readonly port: number;
    }
  | {
      readonly f: 'macros';
      readonly stage: MacroStage;
      readonly values: Readonly<Record<string, string>>;
    }
  | { readonly f: 'helo'; readonly name: string }
  /** Begins a message. `address` with its angle brackets as it came; `args` such as `SIZE=1`. */
  | { readonly f: 'mail'; readonly address: string; readonly args: readonly string[] }
  /** A recipient that was accepted. */
  | { readonly f: 'recipient'; readonly address: string; readonly args: readonly string[] }
  /**
   * More headers: `name NUL value NUL ...` in latin1, values with their leading space as they came.
   * `decoded` holds the RFC 2047-decoded text of those that have encoded words, by their index in the message.
   */
  | {
      readonly f: 'headers';
      readonly block: string;
      readonly decoded: Readonly<Record<number, string>>;
    }
  /** What an earlier filter of the chain changed in the message. */
  | { readonly f: 'modified'; readonly modifications: readonly Modification[] };

/** A phase to be handled by those filters that export it. */
export type Call =
  | { readonly phase: 'connect' | 'helo' | 'mail' | 'data' | 'eoh' | 'abort' | 'close' }
  | { readonly phase: 'rcpt'; readonly address: string; readonly args: readonly string[] }
  | { readonly phase: 'unknown'; readonly command: string }
  /** The headers `from` (inclusive) to `to` (exclusive) of those learnt so far, one handler call each. */
  | { readonly phase: 'header'; readonly from: number; readonly to: number }
  /** One handler call for each chunk. */
  | { readonly phase: 'body'; readonly chunks: readonly Uint8Array[] }
  /** `size`: bytes of the message as it came, headers and body. */
  | { readonly phase: 'eom'; readonly size: number }
  | { readonly phase: 'init' | 'exit' }
  | { readonly phase: 'auth'; readonly attempt: LoginAttempt }
  | { readonly phase: 'login'; readonly outcome: LoginOutcome }
  | { readonly phase: 'access'; readonly request: AccessRequest }
  | { readonly phase: 'event'; readonly event: ServerEvent };

/** The SMTP calls alone. */
export type SmtpCall = Extract<Call, { readonly phase: SmtpPhase }>;
