/**
 * nginx's auth_http: whether a login may go on, and to which back end. The password is checked
 * by the back end; it is never looked at here. nginx tells no outcome: that is for Dovecot's
 * reports behind it.
 */

import type { Outcome } from '../engine/contract.ts';
import type { LoginAttempt } from '../policy/logins.ts';
import { AgingMap } from './aging-map.ts';
import type { Gate } from './gate.ts';
import type { LoginLog } from './log.ts';
import type { LoginPolicy } from './login-policy.ts';
import type { NginxAnswer } from './nginx-answer.ts';
import { refusedLogin, refusedMessage } from './nginx-refusal.ts';
import type { NginxRequest } from './nginx-request.ts';
import type { Tarpits } from './tarpits.ts';

/** Where logins go: nginx takes addresses only, no names. */
export interface BackEnd {
  readonly host: string;
  readonly port: number;
}

export interface NginxOptions {
  /** Of every protocol that has none of its own. */
  readonly server?: BackEnd;
  /** By protocol: `imap`, `pop3`, `smtp`. */
  readonly servers?: Readonly<Record<string, BackEnd>>;
  /** How long a refused client waits before it may try again. Default 3; 0: nginx hangs up at once. */
  readonly refusalSeconds?: number;
  /** The attempt of a connection after which nginx hangs up: each costs it memory. Default 10. */
  readonly tries?: number;
}

export interface NginxParts {
  readonly policy: LoginPolicy;
  readonly gate: Gate;
  readonly tarpits: Tarpits;
  readonly log: LoginLog;
  readonly options: NginxOptions;
  readonly now: () => number;
  /** Logins that wait at once. */
  readonly waiting: number;
}

/** What is said when nginx asks again. */
interface Held {
  readonly dueAt: number;
  readonly answer: NginxAnswer;
}

const REFUSAL_SECONDS = 3;
const TRIES = 10;
/** nginx asks again at once when its time is over; a client that left never does. */
const HELD_MS = 120_000;
/** Timers of the other side are not exact. */
const EARLY_MS = 100;

/** Methods whose check needs the password in the clear, which nobody here knows. */
const NEEDS_PASSWORD: ReadonlySet<string> = new Set(['apop', 'cram-md5']);

export class Nginx {
  readonly #parts: NginxParts;
  /** Of each attempt what is held, earliest first: connections of one client look alike. */
  readonly #held: AgingMap<Held[]>;

  constructor(parts: NginxParts) {
    this.#parts = parts;
    this.#held = new AgingMap({
      ageMs: HELD_MS,
      limit: Math.max(1, parts.waiting),
      now: parts.now,
    });
  }

  /** `undefined`: nginx has gone away meanwhile. Never rejects. */
  async ask(request: NginxRequest, signal: AbortSignal): Promise<NginxAnswer | undefined> {
    const { policy, gate } = this.#parts;
    const held = this.#takeHeld(keyOf(request));
    if (held) return held;
    if (request.kind === 'access') {
      const outcome = await gate.ask({ phase: 'access', request: request.request }, { signal });
      return signal.aborted ? undefined : this.#forMessage(outcome, keyOf(request));
    }
    const { attempt, method } = request;
    if (NEEDS_PASSWORD.has(method)) return this.#withoutPassword(method, attempt);
    const outcome = await policy.attempt(attempt, { signal });
    return signal.aborted ? undefined : this.#forLogin(outcome, attempt, keyOf(request));
  }

  #forLogin(outcome: Outcome, attempt: LoginAttempt, key: string): NginxAnswer {
    const { verdict, delayMs } = outcome;
    const seconds = this.#parts.tarpits.take(delayMs);
    if (verdict.kind === 'reject' || verdict.kind === 'tempfail') {
      const refusal = refusedLogin(verdict.kind, verdict.reply, attempt.protocol);
      const { refusalSeconds = REFUSAL_SECONDS, tries = TRIES } = this.#parts.options;
      return (attempt.tries ?? 1) < tries
        ? { kind: 'refused', ...refusal, seconds: Math.max(seconds, refusalSeconds) }
        : this.#after(seconds, key, { kind: 'refused', ...refusal });
    }
    return this.#after(seconds, key, this.#accept(outcome, attempt.protocol));
  }

  #accept({ verdict }: Outcome, protocol: string): NginxAnswer {
    const { options, log } = this.#parts;
    if (verdict.kind === 'route') {
      const { host, port, user } = verdict;
      return { kind: 'ok', host, port, ...(user !== undefined && { user }) };
    }
    const own = options.servers;
    const server = own && Object.hasOwn(own, protocol) ? own[protocol] : options.server;
    if (server) return { kind: 'ok', ...server };
    log.error(
      'nginx',
      { protocol },
      'nginx asks for a back end and there is none: set auth.nginx.server, or return route() from a filter',
    );
    return { kind: 'refused', ...refusedLogin('tempfail', undefined, protocol) };
  }

  #withoutPassword(method: string, { protocol }: LoginAttempt): NginxAnswer {
    this.#parts.log.error(
      'nginx',
      { method, protocol },
      `nginx needs the password for ${method}, and nobody keeps passwords here: take ${method} out of ${protocol}_auth`,
    );
    return { kind: 'refused', ...refusedLogin('tempfail', undefined, protocol) };
  }

  #forMessage(outcome: Outcome, key: string): NginxAnswer {
    const { verdict, delayMs, filter } = outcome;
    const seconds = this.#parts.tarpits.take(delayMs);
    switch (verdict.kind) {
      case 'continue':
      case 'accept':
        return this.#after(seconds, key, this.#accept(outcome, 'smtp'));
      case 'reject':
      case 'tempfail': {
        const refusal = refusedMessage(verdict.kind, verdict.reply);
        return { kind: 'refused', ...refusal, ...(seconds > 0 && { seconds }) };
      }
      default:
        // The message must not go where the filter did not want it.
        this.#parts.log.error(
          'nginx',
          { filter, verdict: verdict.kind },
          `nginx cannot do what ${verdict.kind}() asks for; the message is refused for now: use reject() or tempfail()`,
        );
        return { kind: 'refused', ...refusedMessage('tempfail', undefined) };
    }
  }

  /** The answer, or an order to ask again for it. */
  #after(seconds: number, key: string, answer: NginxAnswer): NginxAnswer {
    if (seconds === 0) return answer;
    const dueAt = this.#parts.now() + seconds * 1000 - EARLY_MS;
    const held = this.#held.take(key) ?? [];
    this.#held.set(key, [...held.slice(-MOST_ALIKE + 1), { dueAt, answer }]);
    return { kind: 'wait', seconds };
  }

  #takeHeld(key: string): NginxAnswer | undefined {
    const held = this.#held.get(key);
    const at = held?.findIndex(({ dueAt }) => dueAt <= this.#parts.now()) ?? -1;
    if (!held || at < 0) return undefined;
    const [due] = held.splice(at, 1);
    if (held.length === 0) this.#held.take(key);
    return due?.answer;
  }
}

/** Answers that are held for attempts that look alike. */
const MOST_ALIKE = 100;

function keyOf(asked: NginxRequest): string {
  if (asked.kind === 'access') {
    const { client, helo, sender, recipient } = asked.request;
    return JSON.stringify(['access', client.address, helo, sender, recipient]);
  }
  const { login, client, protocol, tries } = asked.attempt;
  return JSON.stringify(['login', login, client.address, protocol, tries]);
}
