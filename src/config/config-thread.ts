/**
 * The thread that a configuration runs in: each load runs it anew, and nothing that it
 * leaves behind (timers, modules, globals) outlives the load.
 */

import { parentPort, workerData } from 'node:worker_threads';

/** What the thread answers, once. */
export type ConfigAnswer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'no default' }
  /** Data cannot hold this; `path` is the key. */
  | { readonly kind: 'misfit'; readonly path: string; readonly what: string }
  | { readonly kind: 'thrown'; readonly what: string; readonly stack: string };

/** The URL of the module to run. */
export interface ConfigThreadData {
  readonly url: string;
}

import((workerData as ConfigThreadData).url).then(answerFor, answerThrown).then(send);

function answerFor(exports: Readonly<Record<string, unknown>>): ConfigAnswer {
  if (!('default' in exports)) return { kind: 'no default' };
  const value = exports.default;
  const misfit = findFunction(value, '', 0);
  return misfit ?? { kind: 'value', value };
}

function answerThrown(error: unknown): ConfigAnswer {
  if (!(error instanceof Error)) return { kind: 'thrown', what: String(error), stack: '' };
  return { kind: 'thrown', what: `${error.name}: ${error.message}`, stack: error.stack ?? '' };
}

function send(answer: ConfigAnswer): void {
  parentPort?.postMessage(answer);
}

/** The first thing that cannot cross to another thread; the schema judges the rest. */
function findFunction(value: unknown, path: string, depth: number): ConfigAnswer | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') {
    return { kind: 'misfit', path, what: `a ${typeof value}` };
  }
  if (typeof value !== 'object' || value === null || depth > 100) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    const found = findFunction(inner, at, depth + 1);
    if (found) return found;
  }
  return undefined;
}
