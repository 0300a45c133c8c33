/** What login servers and those who pretend to be some may cost. */

export interface LoginLimits {
  /** Bytes of one request's body. */
  readonly bodyBytes: number;
  /** Connections at once; more are turned away. */
  readonly connections: number;
  /** How long a request may take to arrive. */
  readonly requestMs: number;
  /** The longest tarpit of a login. */
  readonly delayMs: number;
  /** Tarpits at once: each holds a login process of the server that asked. */
  readonly tarpits: number;
  /** Logins that are remembered at once, those with an open session included. */
  readonly sessions: number;
  /** After how long without a sign of life a login's session counts as over. */
  readonly silentMs: number;
  /** Events and reports that filters work on at once; more are dropped, and counted in the log. */
  readonly waiting: number;
}

export const DEFAULT_LOGIN_LIMITS: LoginLimits = {
  bodyBytes: 64 * 1024,
  connections: 2000,
  requestMs: 10_000,
  delayMs: 15_000,
  tarpits: 500,
  sessions: 100_000,
  silentMs: 24 * 3_600_000,
  waiting: 1000,
};
