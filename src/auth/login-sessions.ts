/**
 * Who holds what filters take at a login (`kv.lease`): the session that the login opens.
 *
 *     allow ........ report(failure)                        all is given back
 *     allow ........ report(success) ...... session ends    all is given back
 *     allow ........ nothing for PENDING_MS                 all is given back
 *     ... success .. nothing for silentMs                   all is given back
 */

import { AgingMap } from './aging-map.ts';
import type { Gate, LeaseOwner } from './gate.ts';
import type { LoginLog } from './log.ts';

export interface LoginSessionsOptions {
  readonly gate: Pick<Gate, 'endLeases'>;
  readonly log: LoginLog;
  /** After how long without a sign of life a session counts as over. */
  readonly silentMs: number;
  /** Sessions at once; beyond it the one that was silent longest counts as over. */
  readonly sessions: number;
  readonly now?: () => number;
  /** How often silent sessions are looked for; 0: only when something else happens. */
  readonly sweepEveryMs?: number;
}

/** An attempt of which nothing more was heard: Dovecot gives up a password check after a minute. */
const PENDING_MS = 150_000;
const SWEEP_MS = 10_000;

class Owner implements LeaseOwner {
  readonly id: string;
  isClosed = false;
  constructor(id: string) {
    this.id = id;
  }
}

export class LoginSessions {
  readonly #options: LoginSessionsOptions;
  /** Attempts whose outcome is not known, and sessions that are open. */
  readonly #pending: AgingMap<Owner>;
  readonly #open: AgingMap<Owner>;
  readonly #timer: NodeJS.Timeout | undefined;
  #made = 0;

  constructor(options: LoginSessionsOptions) {
    const { silentMs, sessions, now = Date.now, sweepEveryMs = SWEEP_MS, log } = options;
    this.#options = options;
    const common = { limit: Math.max(1, sessions), now };
    this.#pending = new AgingMap({
      ...common,
      ageMs: PENDING_MS,
      forgotten: (owner) => this.#end(owner),
    });
    this.#open = new AgingMap({
      ...common,
      ageMs: silentMs,
      forgotten: (owner, why) => {
        if (why === 'limit')
          log.warn(
            'sessions',
            { sessions },
            'a login session counts as over: there are more than the limit',
          );
        this.#end(owner);
      },
    });
    if (sweepEveryMs > 0) {
      this.#timer = setInterval(() => {
        this.#pending.sweep();
        this.#open.sweep();
      }, sweepEveryMs);
      this.#timer.unref();
    }
  }

  /** Sessions that are open or on their way. */
  get size(): number {
    return this.#pending.size + this.#open.size;
  }

  /** Who holds what is taken for this session: the same until it ends. */
  owner(session: string): LeaseOwner {
    const known = this.#open.get(session) ?? this.#pending.get(session);
    const owner = known ?? new Owner(`login.${++this.#made}`);
    if (!this.#open.get(session)) this.#pending.set(session, owner);
    return owner;
  }

  /** The password was right: what is held is held on. */
  succeeded(session: string): void {
    const owner = this.#pending.take(session);
    if (owner) this.#open.set(session, owner);
    else this.heard(session);
  }

  /** The attempt failed; another one may follow in the same connection. */
  failed(session: string): void {
    this.#end(this.#pending.take(session));
  }

  /** The session lives. */
  heard(session: string): void {
    this.#open.touch(session);
  }

  /** The session is over. */
  ended(session: string): void {
    this.#end(this.#pending.take(session));
    this.#end(this.#open.take(session));
  }

  /** This server ends: all is given back. */
  close(): void {
    clearInterval(this.#timer);
    for (const owner of [...this.#pending.takeAll(), ...this.#open.takeAll()]) this.#end(owner);
  }

  #end(owner: Owner | undefined): void {
    if (!owner || owner.isClosed) return;
    owner.isClosed = true;
    this.#options.gate.endLeases(owner);
  }
}
