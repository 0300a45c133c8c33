/** What is wrong in a source file, and where. */

export { shownPath as shownFile } from '../config/shown-path.ts';

export interface Problem {
  /** As shown to people: relative to the working folder where that is shorter. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly text: string;
}

export function formatProblem({ file, line, column, text }: Problem): string {
  return `${file}:${line}:${column}: ${text}`;
}

/** Source that does not compile; the message has one line for each problem. */
export class CompileError extends Error {
  readonly code = 'ERR_COMPILE';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'CompileError';
    this.problems = problems;
  }
}
