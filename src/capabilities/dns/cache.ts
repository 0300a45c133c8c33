/** Answers that still hold, the least recently used given up first. */

import type { Answer, Question } from './records.ts';

/** Bursts of one question are one question, whatever the zone says. */
const MIN_TTL_SECONDS = 1;
const MAX_TTL_SECONDS = 24 * 60 * 60;
/** RFC 2308 section 5 advises 1 to 3 hours at most for what is not there. */
const MAX_NEGATIVE_TTL_SECONDS = 60 * 60;

/** Larger answers are asked for again: the cache is bounded in bytes too. */
const MAX_CACHED_BYTES = 4096;

interface Entry {
  readonly answer: Answer;
  readonly expiresAt: number;
}

export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #size: number;
  readonly #now: () => number;

  /** `size`: answers kept at most; 0 keeps none. */
  constructor(size: number, now: () => number) {
    this.#size = size;
    this.#now = now;
  }

  get(question: Question): Answer | undefined {
    const key = keyOf(question);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= this.#now()) return undefined;
    // A Map keeps the order of insertion: the first is the one not used for longest.
    this.#entries.set(key, entry);
    return entry.answer;
  }

  put(question: Question, answer: Answer, ttlSeconds: number, bytes: number): void {
    if (bytes > MAX_CACHED_BYTES || this.#size === 0) return;
    const most = answer.kind === 'records' ? MAX_TTL_SECONDS : MAX_NEGATIVE_TTL_SECONDS;
    const seconds = Math.min(Math.max(ttlSeconds, MIN_TTL_SECONDS), most);
    const key = keyOf(question);
    this.#entries.delete(key);
    this.#entries.set(key, { answer, expiresAt: this.#now() + seconds * 1000 });
    if (this.#entries.size <= this.#size) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** The name of a question in maps. */
export function keyOf({ name, type }: Question): string {
  return `${type} ${name}`;
}
