/** How Postern's processes end. */

export const EXIT = {
  ok: 0,
  /** The machine would not: a port is taken, a store cannot be opened. */
  failed: 1,
  /** Configuration, filters or arguments are wrong. */
  input: 2,
} as const;
