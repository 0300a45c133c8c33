import { MilterCodecError } from '../src/index.ts';

/** The one error that `run` may throw, and must. */
export function failure(run: () => unknown): MilterCodecError {
  try {
    run();
  } catch (error) {
    if (error instanceof MilterCodecError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

/** The same in short: `ERR_MILTER_NUL SMFIC_HELO name 3`. */
export function outcomeOf(run: () => unknown): string {
  const { code, where } = failure(run);
  return `${code} ${where.packet} ${where.field} ${where.offset}`;
}
