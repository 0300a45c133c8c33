/** What is wrong in a source file, and where. */

import { relative } from 'node:path';

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

/** The shorter spelling of a path for people. */
export function shownFile(path: string, cwd = process.cwd()): string {
  const short = relative(cwd, path);
  return short !== '' && short.length < path.length ? short : path;
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
