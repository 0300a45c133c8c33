/** Mistakes in what a person wrote, and how they are worded. */

import { inspect } from 'node:util';
import type { z } from 'zod';
import { suggestion } from './nearest.ts';

/** One mistake: where (`milter.listen[1]`) and what was expected there. */
export interface Mistake {
  readonly path: string;
  readonly message: string;
}

/** One line per mistake. */
export function formatMistakes(mistakes: readonly Mistake[], prefix = ''): string {
  return mistakes
    .map(({ path, message }) => `${prefix}${path === '' ? '' : `${path}: `}${message}`)
    .join('\n');
}

/** `['milter', 'listen', 1]` as `milter.listen[1]`. */
export function keyPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? withoutLogin(String(key)) : `.${withoutLogin(String(key))}`;
  }
  return text;
}

/** A value as it may stand in a message: on one line, short, and without the logins of URLs. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text = withoutLogin(inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY }));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/**
 * A text in which URLs may stand, with `***` for their users and passwords. A password may hold
 * anything when a person forgot to escape it, so all is taken that may belong to one.
 */
export function withoutLogin(text: string): string {
  const from = text.indexOf('//') + 2;
  const to = text.lastIndexOf('@');
  return from < 2 || to < from ? text : `${text.slice(0, from)}***${text.slice(to)}`;
}

/**
 * The mistakes that a schema found in `raw`, each at its place below `root`. A schema's
 * message that starts with `expected` gets what came added. `keysOf` names the keys that
 * exist at a place, for suggestions.
 */
export function mistakesOf(
  issues: readonly z.core.$ZodIssue[],
  raw: unknown,
  keysOf: (path: readonly PropertyKey[]) => readonly string[],
  root: readonly PropertyKey[] = [],
): Mistake[] {
  return issues.flatMap((issue) => {
    const path = [...root, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: keyPath([...path, key]),
        message: `there is no such key${suggestion(key, keysOf(issue.path))}`,
      }));
    }
    return [{ path: keyPath(path), message: withValue(issue.message, raw, issue.path) }];
  });
}

function withValue(message: string, raw: unknown, path: readonly PropertyKey[]): string {
  if (!message.startsWith('expected') || message.includes(', got ')) return message;
  const value = valueAt(raw, path);
  return value === undefined ? `${message}; it is missing` : `${message}, got ${shown(value)}`;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const key of path) {
    // A shorthand ('a.ts' for { path: 'a.ts' }) has no keys of its own.
    if (typeof value !== 'object' || value === null) return value;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
