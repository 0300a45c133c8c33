/**
 * How many logins are being delayed. Dovecot and nginx do the waiting, and hold a process or
 * a connection meanwhile even when the client has gone: so their number is limited.
 */

export interface TarpitOptions {
  /** The longest one. */
  readonly delayMs: number;
  /** At once. */
  readonly tarpits: number;
  readonly now: () => number;
  /** Told when one was asked for that there is no room for. */
  readonly full: () => void;
}

export class Tarpits {
  readonly #options: TarpitOptions;
  #ends: number[] = [];

  constructor(options: TarpitOptions) {
    this.#options = options;
  }

  /** The whole seconds that a login may be delayed when a filter wants it for `ms`. */
  take(ms: number): number {
    const { delayMs, tarpits, now, full } = this.#options;
    const seconds = Math.min(Math.ceil(ms / 1000), Math.floor(delayMs / 1000));
    if (!(seconds > 0)) return 0;
    const time = now();
    if (this.#ends.length >= tarpits) this.#ends = this.#ends.filter((end) => end > time);
    if (this.#ends.length >= tarpits) {
      full();
      return 0;
    }
    this.#ends.push(time + seconds * 1000);
    return seconds;
  }
}
