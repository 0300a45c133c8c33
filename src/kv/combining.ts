/**
 * Atomic changes of entries on a server that can only compare and swap.
 *
 * A change is a read, and a write that succeeds if the entry is still what was read. All
 * changes of one key that wait in this process are run one after the other on the same
 * read and written together (flat combining):
 *
 *     waiting     a b c          d e            f
 *     to server   read, swap(abc) , swap(de)  , swap(f) ...
 *                        `- its answer is what d and e run on: no second read
 *
 * So fifty changes at once cost a few round trips, and processes that contend for a key
 * take turns by whole batches. A change may run several times; its answer is given when
 * the swap that contains it has succeeded, never before.
 *
 * A change that comes while the server is asked waits for the next request: what a request
 * answers may be older than a change that came after it was sent, and a change that writes
 * nothing has no swap that would notice.
 */

import { setTimeout } from 'node:timers/promises';
import type { Entry, Step } from './entry.ts';
import { KvError } from './errors.ts';
import { shownKey } from './key.ts';

/** What is at a key, and what the server calls that state. */
export interface Held<Version> {
  readonly entry: Entry | undefined;
  readonly version: Version;
}

export type Swapped<Version> =
  | { readonly done: true; readonly now: Held<Version> }
  /** Nothing was changed. `now`: what is there instead, where the server tells. */
  | { readonly done: false; readonly now?: Held<Version> };

/** A server that compares and swaps. Both methods reject with KvError, in bounded time. */
export interface Swaps<Version> {
  /** What is there now: no older than the call. */
  load(key: string): Promise<Held<Version>>;
  /**
   * Replaces what is held by `entry` (`undefined`: nothing) if it is still there. Never asked
   * to replace nothing by nothing.
   */
  swap(key: string, held: Held<Version>, entry: Entry | undefined): Promise<Swapped<Version>>;
}

/** How long a change is tried while others are always faster. */
const MAX_CONTEND_MS = 2_000;

/** Attempts without a pause between them. */
const QUICK_ATTEMPTS = 3;

/** The longest pause; each is a random part, so that processes fall out of step. */
const MAX_PAUSE_MS = 32;

type Run = (entry: Entry | undefined) => Step<unknown>;

interface Waiting {
  readonly run: Run;
  readonly since: number;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export class Combining<Version> {
  readonly #server: string;
  readonly #swaps: Swaps<Version>;
  /** Changes that wait, by key; a key that is here is being served. */
  readonly #lines = new Map<string, Waiting[]>();
  readonly #serving = new Set<Promise<void>>();

  /** `server`: its name, for messages. */
  constructor(server: string, swaps: Swaps<Version>) {
    this.#server = server;
    this.#swaps = swaps;
  }

  /** See Entries.change. A change that throws changes nothing, for itself alone. */
  change<Answer>(key: string, change: (entry: Entry | undefined) => Step<Answer>): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const waiting: Waiting = {
        run: change,
        since: performance.now(),
        resolve: (answer) => resolve(answer as Answer),
        reject,
      };
      const line = this.#lines.get(key);
      if (line) {
        line.push(waiting);
        return;
      }
      this.#lines.set(key, [waiting]);
      const served = this.#serve(key).finally(() => this.#serving.delete(served));
      this.#serving.add(served);
    });
  }

  /** Resolves when every change that was asked for is answered. */
  async idle(): Promise<void> {
    while (this.#serving.size > 0) await Promise.all(this.#serving);
  }

  /** Works on a key until nobody waits; never rejects. */
  async #serve(key: string): Promise<void> {
    const line = this.#lines.get(key)!;
    while (line.length > 0) await this.#serveLine(key, line);
    this.#lines.delete(key);
  }

  async #serveLine(key: string, line: Waiting[]): Promise<void> {
    const batch = line.splice(0);
    try {
      await this.#swapAll(key, batch, line);
    } catch (error) {
      if (batch.length > 1 && error instanceof KvError && error.code === 'ERR_KV_VALUE') {
        // One of them is refused, such as a value that is too large; alone it shows which.
        for (const one of batch) await this.#serveLine(key, [one]);
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  /** `batch` has at any time those who are to be told of an error. */
  async #swapAll(key: string, batch: Waiting[], line: Waiting[]): Promise<void> {
    let held = await this.#swaps.load(key);
    for (let attempt = 0; batch.length > 0; ) {
      const sent = batch.length;
      const { entry, changed, tell } = runAll(batch, held.entry);
      if (!changed) {
        batch.length = 0;
        tell();
        return;
      }
      // These came before the next request: what that answers is new enough for them.
      batch.push(...line.splice(0));
      const swapped = await this.#swaps.swap(key, held, entry);
      if (swapped.done) {
        batch.splice(0, sent);
        tell();
        held = swapped.now;
        attempt = 0;
      } else {
        this.#giveUpOld(key, batch);
        held = await this.#heldNow(key, swapped.now, attempt++);
      }
    }
  }

  /** What to try again on, after a pause if being quick did not help. */
  async #heldNow(
    key: string,
    now: Held<Version> | undefined,
    attempt: number,
  ): Promise<Held<Version>> {
    if (attempt < QUICK_ATTEMPTS) return now ?? this.#swaps.load(key);
    await setTimeout(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS));
    return this.#swaps.load(key);
  }

  #giveUpOld(key: string, batch: Waiting[]): void {
    const now = performance.now();
    const message = `${shownKey(key)}: the key is too busy for ${this.#server}: others changed it first for ${MAX_CONTEND_MS} ms, and this change was not made; spread it over several keys, or use a store that changes entries in one step, such as Redis`;
    for (const waiting of batch.splice(0)) {
      if (now - waiting.since < MAX_CONTEND_MS) batch.push(waiting);
      else waiting.reject(new KvError('ERR_KV_UNAVAILABLE', message));
    }
  }
}

/** Runs all changes in their turn; `tell` gives each its answer or its error. */
function runAll(
  batch: readonly Waiting[],
  before: Entry | undefined,
): { readonly entry: Entry | undefined; readonly changed: boolean; tell(): void } {
  let entry = before;
  const tellings = batch.map(({ run, resolve, reject }) => {
    try {
      const step = run(entry);
      if (step.entry !== undefined) entry = step.entry ?? undefined;
      return () => resolve(step.answer);
    } catch (error) {
      return () => reject(error);
    }
  });
  return {
    entry,
    changed: entry !== before,
    tell: () => {
      for (const telling of tellings) telling();
    },
  };
}
