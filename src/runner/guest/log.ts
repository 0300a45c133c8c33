/** `log` as authors see it, and `console` for habit's sake. */

import type { Log } from './api.ts';
import { currentEvent } from './current.ts';
import { put } from './outbox.ts';

type Level = keyof Log;

/** Longer texts are cut: a log line is no place for a message. */
const MAX_TEXT = 4096;

let linesPerSecond = Number.POSITIVE_INFINITY;
let secondBegan = 0;
let lines = 0;

/** How many lines may leave in a second; what is more is lost. */
export function limitLog(perSecond: number): void {
  linesPerSecond = perSecond;
}

/** Whether one more line may leave: a flood must not fill the memory on its way to where lines are counted. */
function isAllowed(): boolean {
  const now = Date.now();
  if (now - secondBegan >= 1000) {
    secondBegan = now;
    lines = 0;
  }
  lines += 1;
  return lines <= linesPerSecond;
}

function write(level: Level, text: unknown, fields: unknown): void {
  if (!isAllowed()) return;
  put(['log', currentEvent(), level, String(text).slice(0, MAX_TEXT), plain(fields)]);
}

/** What of the fields is JSON; a getter or cycle in them must not fail the filter. */
function plain(fields: unknown): unknown {
  if (fields === undefined) return null;
  try {
    const json = JSON.stringify(fields);
    if (json === undefined) return String(fields);
    return json.length > MAX_TEXT ? `${json.slice(0, MAX_TEXT)} ...` : JSON.parse(json);
  } catch {
    return 'fields that are not JSON';
  }
}

function at(level: Level): (text: string, fields?: Readonly<Record<string, unknown>>) => void {
  return (text, fields) => write(level, text, fields);
}

export const log: Log = Object.freeze({
  debug: at('debug'),
  info: at('info'),
  warn: at('warn'),
  error: at('error'),
});

function print(level: Level): (...values: unknown[]) => void {
  return (...values) =>
    write(
      level,
      values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' '),
      undefined,
    );
}

export const console = Object.freeze({
  debug: print('debug'),
  log: print('info'),
  info: print('info'),
  warn: print('warn'),
  error: print('error'),
});
