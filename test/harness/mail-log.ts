/** The log file that Postfix writes. */

import { readFileSync } from 'node:fs';
import { pollFor } from './waiting.ts';

/** Where {@link MailLog.waitFor} looks and how long. */
export type LogWait = {
  /** Skips so many characters: `log().length` from before the thing that is logged. */
  readonly after?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

const DEFAULT_TIMEOUT_MS = 10_000;
const EXCERPT_LINES = 20;

/** Reads a log that another program appends to. */
export class MailLog {
  readonly #path: string;
  #start = 0;
  #content = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** The complete lines since {@link startHere}. Stays what it was once the file is gone. */
  text(): string {
    try {
      const content = readFileSync(this.#path, 'utf8');
      this.#content = content.slice(0, content.lastIndexOf('\n') + 1);
    } catch (error) {
      // Not there yet, or removed after a stop.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return this.#content.slice(this.#start);
  }

  /** Forgets what was logged until now. */
  startHere(): void {
    this.#start += this.text().length;
  }

  /** The last lines, forgotten ones too, for error messages. */
  excerpt(): string {
    this.text();
    const lines = this.#content.trimEnd().split('\n').slice(-EXCERPT_LINES);
    return `last lines of the mail log:\n${lines.join('\n')}`;
  }

  /** The first line that has the text, or the first line of what the expression matches. */
  waitFor(pattern: string | RegExp, wait: LogWait = {}): Promise<string> {
    const { after = 0, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = wait;
    return pollFor(() => lineWith(this.text().slice(after), pattern), {
      timeoutMs,
      failure: () => `nothing like ${pattern} was logged in ${timeoutMs} ms\n${this.excerpt()}`,
      ...(signal && { signal }),
    });
  }
}

function lineWith(text: string, pattern: string | RegExp): string | undefined {
  const at = typeof pattern === 'string' ? text.indexOf(pattern) : text.search(pattern);
  if (at < 0) return undefined;
  return text.slice(text.lastIndexOf('\n', at - 1) + 1, text.indexOf('\n', at));
}
