/** Log lines of the login servers: clients can cause many, so each kind has a budget. */

import { LogBudget } from '../engine/log-budget.ts';
import type { Logger } from '../engine/logger.ts';

/** What can be said often. */
const KINDS = [
  'secret',
  'request',
  'failure',
  'tarpits',
  'sessions',
  'list',
  'nginx',
  'events',
  'connections',
] as const;

export type LogKind = (typeof KINDS)[number];

/** Lines of one kind in a second. */
const LINES = 10;

export class LoginLog {
  readonly #log: Logger;
  readonly #budget: LogBudget;

  constructor(log: Logger) {
    this.#log = log;
    this.#budget = new LogBudget(LINES, (kind, lines) => {
      log.warn({ about: KINDS[kind], lines }, 'left out log lines about logins');
    });
  }

  info(kind: LogKind, fields: object, text: string): void {
    if (this.#budget.allows(KINDS.indexOf(kind))) this.#log.info(fields, text);
  }

  warn(kind: LogKind, fields: object, text: string): void {
    if (this.#budget.allows(KINDS.indexOf(kind))) this.#log.warn(fields, text);
  }

  error(kind: LogKind, fields: object, text: string): void {
    if (this.#budget.allows(KINDS.indexOf(kind))) this.#log.error(fields, text);
  }
}
