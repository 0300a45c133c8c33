/** The units that people write in filters and configurations, turned into numbers. */

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
};

/** A duration: a number of milliseconds, or a text such as `'90s'`, `'5m'`, `'1d'`. */
export type Duration = number | string;

/** A size: a number of bytes, or a text such as `'64KB'`, `'10MB'` (KB is 1024 bytes). */
export type Size = number | string;

/** A value that is not written in one of the units above. */
export class UnitError extends Error {
  readonly code = 'ERR_UNIT';
  constructor(expected: string, got: unknown) {
    super(`expected ${expected}, got ${JSON.stringify(got) ?? String(got)}`);
    this.name = 'UnitError';
  }
}

/** Milliseconds of a {@link Duration}; throws {@link UnitError}. */
export function durationMs(value: Duration): number {
  return parse(
    value,
    DURATION_UNITS,
    "a duration such as '500ms', '90s', '5m', '2h', '1d' or milliseconds",
  );
}

/** Bytes of a {@link Size}; throws {@link UnitError}. */
export function sizeBytes(value: Size): number {
  return Math.ceil(parse(value, SIZE_UNITS, "a size such as '64KB', '10MB', '1GB' or bytes"));
}

function parse(value: unknown, units: Readonly<Record<string, number>>, expected: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  if (typeof value === 'string') {
    const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(value.trim());
    const factor = match ? units[match[2]!] : undefined;
    if (match && factor !== undefined) return Number(match[1]) * factor;
  }
  throw new UnitError(expected, value);
}
