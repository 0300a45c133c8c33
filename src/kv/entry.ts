/** An entry of a store that keeps bytes, and what a change makes of it. */

/** A stored value or state and when it expires ({@link NEVER}, or milliseconds since 1970). */
export interface Entry {
  readonly expiryMs: number;
  readonly value: Buffer;
}

export const NEVER = 0;

/** Year 10889, the largest that six bytes hold; a longer time to live ends there. */
export const MAX_EXPIRY_MS = 2 ** 48 - 1;

/** When something expires that is stored `nowMs` for `ttlMs` (`undefined`: for good). */
export function expiryAt(nowMs: number, ttlMs: number | undefined): number {
  return ttlMs === undefined ? NEVER : Math.min(Math.ceil(nowMs + ttlMs), MAX_EXPIRY_MS);
}

export function isExpired({ expiryMs }: Entry, nowMs: number): boolean {
  return expiryMs !== NEVER && expiryMs <= nowMs;
}

/** What is left of an entry's time; `undefined`: it stays for good. */
export function timeLeft({ expiryMs }: Entry, nowMs: number): number | undefined {
  return expiryMs === NEVER ? undefined : expiryMs - nowMs;
}

/** What a change of an entry comes to. */
export interface Step<Answer> {
  readonly answer: Answer;
  /** What takes the place of the entry: another, or none (`null`); absent: it stays as it is. */
  readonly entry?: Entry | null;
}

/**
 * A change of one entry (`undefined`: there is none): a pure function, so that a store may
 * run it again when another client was faster. May throw KvError, which changes nothing.
 */
export type Change<Answer> = (entry: Entry | undefined, nowMs: number) => Step<Answer>;
