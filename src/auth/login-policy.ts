/** What is said to a login attempt: the lists first, then the filters. */

import type { Outcome } from '../engine/contract.ts';
import { reasonOf } from '../kv/errors.ts';
import type { LoginAttempt } from '../policy/logins.ts';
import type { AskOptions, Gate } from './gate.ts';
import type { Lists } from './lists.ts';
import type { LoginLog } from './log.ts';

export interface LoginPolicyOptions {
  readonly gate: Gate;
  readonly log: LoginLog;
  /** Absent: no lists, only filters. */
  readonly lists?: Lists;
}

const BANNED: Outcome = { verdict: { kind: 'reject' }, delayMs: 0, modifications: [] };
/** Nobody hears it. */
const GONE: Outcome = { verdict: { kind: 'continue' }, delayMs: 0, modifications: [] };

export class LoginPolicy {
  readonly #options: LoginPolicyOptions;

  constructor(options: LoginPolicyOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async attempt(attempt: LoginAttempt, options: AskOptions): Promise<Outcome> {
    if (await this.#isBanned(attempt)) return BANNED;
    if (options.signal?.aborted) return GONE;
    return this.#options.gate.ask({ phase: 'auth', attempt }, options);
  }

  /** An entry of the allow list lifts a ban; the filters are asked all the same. */
  async #isBanned({ login, client }: LoginAttempt): Promise<boolean> {
    const { lists, log } = this.#options;
    if (!lists) return false;
    const who = { login, address: client.address };
    try {
      const ban = await lists.find('ban', who);
      if (!ban || (await lists.find('allow', who))) return false;
      log.info('list', { login, address: client.address, reason: ban.reason }, 'login is banned');
      return true;
    } catch (error) {
      log.error(
        'list',
        { error: reasonOf(error) },
        'cannot read the lists of logins; the filters alone decide',
      );
      return false;
    }
  }
}
