/** What `postern kv` shows. */

import { printable } from '../kv/key.ts';
import type { Page, Sight } from '../kv/store.ts';
import { decodeValue } from '../kv/value.ts';

/** What one store said; `null`: there is nothing. */
export type Answer = Sight | { readonly deleted: readonly string[] } | Failure | null;

export interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

/** By the names of the stores. */
export type Answers = ReadonlyMap<string, Answer>;

export function isFailure(answer: Answer): answer is Failure {
  return answer !== null && 'error' in answer;
}

/** One store's answer, or those of a group by their names. */
export function formatAnswers(answers: Answers, asJson: boolean): string {
  const several = answers.size > 1;
  if (asJson) {
    const all = Object.fromEntries([...answers].map(([name, answer]) => [name, plain(answer)]));
    const shown = several ? all : Object.values(all)[0];
    // The line ends between the parts are JSON's own; those in texts are escaped already.
    return `${JSON.stringify(shown, undefined, 2).split('\n').map(printable).join('\n')}\n`;
  }
  return [...answers]
    .map(([name, answer]) => `${printable(`${several ? `${name}: ` : ''}${words(answer)}`)}\n`)
    .join('');
}

/** One line for an entry; `store`: where several are shown. */
export function formatEntry(
  { key, sight }: Page['entries'][number],
  store: string | undefined,
  asJson: boolean,
): string {
  const line = asJson
    ? JSON.stringify({ ...(store !== undefined && { store }), key, ...plain(sight) })
    : `${store === undefined ? '' : `${store}: `}${key}  ${words(sight)}`;
  return `${printable(line)}\n`;
}

/** As JSON: `{ "kind": "value", "value": ..., "ttl": milliseconds }`; bytes as base64. */
function plain(answer: Answer): object | null {
  if (answer === null || isFailure(answer) || 'deleted' in answer) return answer;
  const { ttlMs, ...sight } = answer;
  const ttl = ttlMs === undefined ? {} : { ttl: Math.round(ttlMs) };
  if (sight.kind !== 'value') return { ...sight, ...ttl };
  return { kind: 'value', ...valueOrBytes(sight.value), ...ttl };
}

function valueOrBytes(stored: Buffer): { value: unknown } | { bytes: string } {
  const value = read(stored);
  return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : { value };
}

/** What another program wrote is shown as bytes, too. */
function read(stored: Buffer): unknown {
  try {
    return decodeValue(stored);
  } catch {
    return stored;
  }
}

function words(answer: Answer): string {
  if (answer === null) return 'nothing';
  if (isFailure(answer)) return `error: ${answer.error.message}`;
  if ('deleted' in answer)
    return answer.deleted.length === 0
      ? 'nothing to delete'
      : `deleted ${answer.deleted.join(', ')}`;
  return `${content(answer)}${answer.ttlMs === undefined ? '' : `  (for ${timeText(answer.ttlMs)})`}`;
}

function content(sight: Sight): string {
  switch (sight.kind) {
    case 'value': {
      const shown = valueOrBytes(sight.value);
      return 'value' in shown ? JSON.stringify(shown.value) : `bytes in base64: ${shown.bytes}`;
    }
    case 'rate':
      return `rate: ${Math.round(sight.used * 100) / 100} used`;
    case 'window':
      return `window: ${sight.sum}`;
    case 'distinct':
      return `distinct: ${sight.count}`;
    case 'lease': {
      const holders = sight.holders.map(({ holder, ttlMs }) => `${holder} for ${timeText(ttlMs)}`);
      return `lease: ${sight.holders.length} held by ${holders.join(', ') || 'nobody'}`;
    }
    default:
      return sight satisfies never;
  }
}

/** `4m 59s`: two units are enough. */
export function timeText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
