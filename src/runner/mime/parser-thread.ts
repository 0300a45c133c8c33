/** One thread with a parser, seen from the runner: gives it messages, ends it when it does not end. */

import { Worker } from 'node:worker_threads';
import {
  beyond,
  type ParsedMessage,
  ParseError,
  type ParseLimits,
  type ThreadAnswer,
  type ThreadOrder,
} from './limits.ts';

const MAIN = new URL('./thread.ts', import.meta.url);

/**
 * Heap of one thread. Contents of messages and attachments lie outside of it; within it are texts,
 * of which mailparser makes several times as much when they consist of line ends.
 */
const RESOURCES = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };

/** Modules are read from disk, on a machine that may be busy. */
const STARTING_MS = 20_000;

/** A message that nobody waits for any more may take this long, which costs less than a new thread. */
const ABANDONED_MS = 250;

type Outcome = { readonly parsed: ParsedMessage } | { readonly error: ParseError };

export class ParserThread {
  readonly #worker: Worker;
  readonly #limits: ParseLimits;
  readonly #gone: () => void;
  #isReady = false;
  #isGone = false;
  #settle: ((outcome: Outcome) => void) | undefined;
  /** Held back until the thread is there. */
  #order: ThreadOrder | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `gone`: it ended, by itself or not; whoever waits for it has heard. */
  constructor(limits: ParseLimits, gone: () => void) {
    this.#limits = limits;
    this.#gone = gone;
    this.#worker = new Worker(MAIN, {
      env: {},
      execArgv: [],
      resourceLimits: RESOURCES,
      name: 'parser',
    });
    // A runner lives as long as its socket does.
    this.#worker.unref();
    this.#worker.on('message', (answer: ThreadAnswer) => this.#heard(answer));
    this.#worker.on('error', (error: Error & { code?: unknown }) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const why = isMemory
        ? `takes more than ${RESOURCES.maxOldGenerationSizeMb} MB of memory to parse`
        : `made the parser fail (${error.name})`;
      this.#ended(new ParseError('ERR_PARSE', `parse: the message ${why}`));
    });
    this.#worker.on('exit', () => {
      this.#ended(new ParseError('ERR_PARSE', 'parse: the parser ended without an answer'));
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Parses one message, whose buffer moves to the thread. One at a time. Rejects with ParseError. */
  parse(id: number, message: ArrayBuffer, signal: AbortSignal): Promise<ParsedMessage> {
    return new Promise((resolve, reject) => {
      const abandoned = () => {
        if (this.#isReady) this.#allow(ABANDONED_MS);
        else this.#done({ error: new ParseError('ERR_PARSE_OVER', 'parse: its event is over') });
      };
      this.#settle = (outcome) => {
        signal.removeEventListener('abort', abandoned);
        if ('parsed' in outcome) resolve(outcome.parsed);
        else reject(outcome.error);
      };
      signal.addEventListener('abort', abandoned);
      this.#order = { id, message, limits: this.#limits };
      if (this.#isReady) this.#begin();
      else this.#allow(STARTING_MS);
    });
  }

  end(): void {
    this.#ended(new ParseError('ERR_PARSE', 'parse: the parser was ended'));
  }

  #begin(): void {
    const order = this.#order;
    if (!order) return;
    this.#order = undefined;
    this.#allow(this.#limits.timeMs);
    this.#worker.postMessage(order, [order.message]);
  }

  #heard(answer: ThreadAnswer): void {
    switch (answer.kind) {
      case 'ready':
        this.#isReady = true;
        this.#begin();
        return;
      case 'parsed':
        this.#done({ parsed: answer.parsed });
        return;
      case 'failed':
        this.#done({ error: new ParseError(answer.code, answer.message) });
        return;
      default:
        answer satisfies never;
    }
  }

  /** From now on it may take this long. */
  #allow(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#ended(
        this.#isReady
          ? beyond(this.#limits, 'timeMs', 'takes longer to parse')
          : new ParseError('ERR_PARSE', `parse: the parser did not start within ${ms} ms`),
      );
    }, ms);
  }

  #done(outcome: Outcome): void {
    clearTimeout(this.#timer);
    const settle = this.#settle;
    this.#settle = undefined;
    this.#order = undefined;
    settle?.(outcome);
  }

  #ended(error: ParseError): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#worker.terminate();
    this.#gone();
    this.#done({ error });
  }
}
