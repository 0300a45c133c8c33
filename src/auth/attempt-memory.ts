/**
 * What was said about each attempt, because Dovecot says little about which request this is:
 *
 *     allow -> 0      before the password check
 *     allow -> 0      the same again, before any report: after the check, the password was right
 *     report          the end; another one without an allow in between is the same report again
 *
 * An allow that was not answered, or refused, is never followed by one after the check that
 * could be told from a new attempt: so the next counts as before the check.
 */

import { createHash } from 'node:crypto';
import { AgingMap } from './aging-map.ts';
import type { KnownAttempt } from './dovecot-attempt.ts';

/** How an allow was answered. */
export type AllowAnswer =
  | { readonly kind: 'go'; readonly delaySeconds: number }
  | { readonly kind: 'refused' }
  /** With an error, too late, or not at all. */
  | { readonly kind: 'failed' };

/** An allow that is being answered. */
export interface OpenAllow {
  /** It is the second one of its attempt. */
  readonly isSecond: boolean;
  answered(answer: AllowAnswer): void;
}

interface Allow {
  readonly isSecond: boolean;
  answer?: AllowAnswer;
  /** From when on the second allow can come. */
  secondFrom: number;
  secondUntil: number;
}

interface Memory {
  allow?: Allow;
  reported?: { readonly at: number; readonly success: boolean };
}

export interface AttemptMemoryOptions {
  readonly sessions: number;
  readonly now: () => number;
}

/** A password check takes a minute at most. */
const SECOND_WITHIN_MS = 60_000;
/** Without a session two connections of a client with the same password look the same. */
const SECOND_WITHOUT_SESSION_MS = 10_000;
/** Timers of the other side are not exact. */
const EARLY_MS = 100;
/** A report that is sent again comes at once. */
const REPEAT_MS = 5000;

export class AttemptMemory {
  readonly #now: () => number;
  readonly #attempts: AgingMap<Memory>;

  constructor({ sessions, now }: AttemptMemoryOptions) {
    this.#now = now;
    this.#attempts = new AgingMap({
      ageMs: 2 * SECOND_WITHIN_MS,
      limit: Math.max(1, sessions),
      now,
    });
  }

  /** One and the same for all requests about an attempt. `hash`: as it came, not cut. */
  static key({ session = '', protocol, login, client }: KnownAttempt, hash: string): string {
    const place = session === '' ? [protocol, client.address ?? ''] : [];
    const all = JSON.stringify([session, login, hash, ...place]);
    return createHash('sha256').update(all).digest('base64');
  }

  /** `isStated`: the server itself says whether the password was checked. */
  allowed(key: string, hasSession: boolean, isStated?: boolean): OpenAllow {
    const last = this.#attempts.get(key)?.allow;
    const now = this.#now();
    const follows =
      last?.answer?.kind === 'go' &&
      !last.isSecond &&
      now >= last.secondFrom &&
      now <= last.secondUntil;
    const isSecond = isStated ?? follows;
    const allow: Allow = { isSecond, secondFrom: 0, secondUntil: 0 };
    this.#attempts.set(key, { allow });
    return {
      isSecond,
      answered: (answer) => {
        if (allow.answer) return;
        allow.answer = answer;
        const waits = answer.kind === 'go' ? answer.delaySeconds * 1000 : 0;
        allow.secondFrom = this.#now() + waits - EARLY_MS;
        allow.secondUntil =
          this.#now() + waits + (hasSession ? SECOND_WITHIN_MS : SECOND_WITHOUT_SESSION_MS);
      },
    };
  }

  /** `isRepeated`: it was reported already. `wasUnanswered`: the last allow had no answer of ours. */
  reported(
    key: string,
    success: boolean,
  ): { readonly isRepeated: boolean; readonly wasUnanswered: boolean } {
    const { allow, reported } = this.#attempts.get(key) ?? {};
    const now = this.#now();
    const isRepeated =
      reported !== undefined && reported.success === success && now - reported.at <= REPEAT_MS;
    this.#attempts.set(key, { reported: isRepeated ? reported : { at: now, success } });
    const wasUnanswered = allow !== undefined && (allow.answer?.kind ?? 'failed') === 'failed';
    return { isRepeated, wasUnanswered };
  }
}
