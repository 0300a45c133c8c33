/** How a command says what was wrong, and ends. */

import { CompileError } from '../compile/compile.ts';
import { ConfigError } from '../config/config-error.ts';
import { UnitError } from '../config/units.ts';
import { FilterLoadError } from '../engine/filter-set.ts';
import { isStoreFailure, KvError } from '../kv/errors.ts';
import { EXIT } from '../server/exit-codes.ts';
import { MessageFileError } from './message-file.ts';

const INPUT_ERRORS = [ConfigError, CompileError, FilterLoadError, MessageFileError, UnitError];

/** Prints the error for a person, one line for each mistake, and returns the exit code. */
export function printMistake(error: unknown): number {
  const isInput =
    INPUT_ERRORS.some((kind) => error instanceof kind) ||
    (error instanceof KvError && !isStoreFailure(error));
  const isKnown = isInput || (error instanceof Error && 'code' in error);
  const text = isKnown
    ? (error as Error).message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  for (const line of text.split('\n')) process.stderr.write(`postern: ${line}\n`);
  return isInput ? EXIT.input : EXIT.failed;
}

/** Calls back, instead of ending with a stack, when who reads the output has gone: `... | head -1`. */
export function whenNobodyReads(output: NodeJS.WritableStream, gone: () => void): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone();
  });
}
