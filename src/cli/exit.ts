/** Exit codes, and how a command says what was wrong. */

import { CompileError } from '../compile/compile.ts';
import { ConfigError } from '../config/config-error.ts';
import { FilterLoadError } from '../engine/filter-set.ts';
import { MessageFileError } from './message-file.ts';

export const EXIT = {
  ok: 0,
  /** The machine would not: a port is taken, a store cannot be opened. */
  failed: 1,
  /** Configuration, filters or arguments are wrong. */
  input: 2,
} as const;

/** Prints the error for a person, one line for each mistake, and returns the exit code. */
export function printMistake(error: unknown): number {
  const isInput = [ConfigError, CompileError, FilterLoadError, MessageFileError].some(
    (kind) => error instanceof kind,
  );
  const isKnown = isInput || (error instanceof Error && 'code' in error);
  const text = isKnown
    ? (error as Error).message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  for (const line of text.split('\n')) process.stderr.write(`postern: ${line}\n`);
  return isInput ? EXIT.input : EXIT.failed;
}
