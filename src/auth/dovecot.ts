/**
 * Dovecot's auth policy protocol: `command=allow` before and after a password check, and
 * `command=report`. The answer is `{"status": n, "msg": text}`: less than 0 refuses, 0 goes on,
 * n delays the check by n seconds. Anything else is a failure to Dovecot, which then goes on
 * or refuses as `auth_policy_reject_on_fail` says.
 */

import type { Outcome } from '../engine/contract.ts';
import type { Attributes, LoginFailure, LoginOutcome } from '../policy/logins.ts';
import { type AllowAnswer, AttemptMemory } from './attempt-memory.ts';
import { atMost, type Background } from './background.ts';
import { readAttempt, readOutcome, statedPhase } from './dovecot-attempt.ts';
import type { AskOptions, Gate } from './gate.ts';
import { textOf } from './json.ts';
import type { LoginPolicy } from './login-policy.ts';
import type { LoginSessions } from './login-sessions.ts';
import type { Tarpits } from './tarpits.ts';
import { cutToBytes, wordsOf } from './text.ts';

export interface PolicyAnswer {
  readonly status: number;
  readonly msg: string;
}

/** For `stats`; all since the start. */
export interface PolicyCounts {
  readonly allows: number;
  readonly reports: number;
  readonly denied: number;
  readonly tarpitted: number;
}

export interface DovecotOptions {
  readonly policy: LoginPolicy;
  readonly gate: Gate;
  readonly memory: AttemptMemory;
  readonly sessions: LoginSessions;
  readonly tarpits: Tarpits;
  readonly background: Background;
  /** Reports and events that filters may still work on after they were answered. */
  readonly waiting: number;
  /**
   * What Dovecot's `auth_policy_reject_on_fail` says. With `no` a login goes on when we failed
   * to answer, so that its failure is a wrong password after all. Absent: not known, and such a
   * failure is `internal`.
   */
  readonly rejectOnFail?: boolean;
}

/** A text that fits on a line of every protocol. */
const MESSAGE_BYTES = 400;

/** A report is answered when the filters have counted it, but Dovecot does not wait for long. */
const REPORT_MS = 1000;

const REFUSED = 'Login refused';
const UNAVAILABLE = 'Login is not possible now, try again later';

const GO_ON: PolicyAnswer = { status: 0, msg: '' };

export class Dovecot {
  readonly #options: DovecotOptions;
  #counts = { allows: 0, reports: 0, denied: 0, tarpitted: 0 };

  constructor(options: DovecotOptions) {
    this.#options = options;
  }

  get counts(): PolicyCounts {
    return this.#counts;
  }

  /**
   * `signal`: aborted when Dovecot has gone away, `undefined` then. Throws BadRequest for a body that makes
   * no sense.
   */
  async allow(body: Attributes, signal: AbortSignal): Promise<PolicyAnswer | undefined> {
    const { policy, memory, sessions } = this.#options;
    const known = readAttempt(body);
    const key = AttemptMemory.key(known, textOf(body.pwhash) ?? '');
    const stated = statedPhase(body);
    const open = memory.allowed(
      key,
      known.session !== undefined,
      stated === undefined ? undefined : stated === 'after',
    );
    const isVerified = open.isSecond;
    this.#counts.allows += 1;
    let answer: AllowAnswer = { kind: 'failed' };
    try {
      const outcome = await policy.attempt(
        { ...known, ...(isVerified && { verified: true }) },
        { leaseOwner: sessions.owner(known.session ?? key), signal },
      );
      if (signal.aborted) return undefined;
      const said = this.#answer(outcome, isVerified);
      answer = said.status < 0 ? { kind: 'refused' } : { kind: 'go', delaySeconds: said.status };
      return said;
    } finally {
      open.answered(answer);
    }
  }

  /** Throws BadRequest for a body that makes no sense. */
  async report(body: Attributes): Promise<PolicyAnswer> {
    const { gate, memory, sessions } = this.#options;
    const known = readAttempt(body);
    const { success, failure, byPolicy } = readOutcome(body);
    const key = AttemptMemory.key(known, textOf(body.pwhash) ?? '');
    const { isRepeated, wasUnanswered } = memory.reported(key, success);
    if (isRepeated) return GO_ON;
    this.#counts.reports += 1;
    const reason = success ? undefined : this.#reason(failure, byPolicy, wasUnanswered);
    const outcome: LoginOutcome = { ...known, success, ...(reason !== undefined && { reason }) };
    const { session } = known;
    const isOpen = success && session !== undefined;
    if (isOpen) sessions.succeeded(session);
    else if (success) sessions.ended(key);
    else sessions.failed(session ?? key);
    if (!gate.handles('login')) return GO_ON;
    const { background, waiting } = this.#options;
    const asking: AskOptions = {
      signal: background.signal,
      ...(isOpen && { leaseOwner: sessions.owner(session) }),
    };
    const counted = background.add(gate.ask({ phase: 'login', outcome }, asking));
    // Filters that are far behind hold up the reports, and so those who send them.
    if (background.size > waiting) await counted;
    else await atMost(REPORT_MS, counted);
    return GO_ON;
  }

  #reason(
    failure: LoginFailure | undefined,
    byPolicy: boolean,
    wasUnanswered: boolean,
  ): LoginFailure | undefined {
    if (failure !== undefined) return failure;
    if (wasUnanswered && this.#options.rejectOnFail !== false) return 'internal';
    return byPolicy ? 'policy' : undefined;
  }

  #answer({ verdict, delayMs }: Outcome, isVerified: boolean): PolicyAnswer {
    if (verdict.kind === 'reject' || verdict.kind === 'tempfail') {
      this.#counts.denied += 1;
      const words = wordsOf(verdict.reply);
      const msg = words ?? (verdict.kind === 'reject' ? REFUSED : UNAVAILABLE);
      return { status: -1, msg: cutToBytes(msg, MESSAGE_BYTES) };
    }
    // Dovecot does not wait any more when the password was checked.
    const seconds = isVerified ? 0 : this.#options.tarpits.take(delayMs);
    if (seconds === 0) return GO_ON;
    this.#counts.tarpitted += 1;
    return { status: seconds, msg: '' };
  }
}
