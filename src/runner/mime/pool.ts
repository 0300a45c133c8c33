/**
 * The threads that parse, started when they are first needed. A message waits until a thread is
 * free, and its bytes are fetched only then: what waits takes no memory.
 */

import { type ParsedMessage, ParseError, type ParseLimits } from './limits.ts';
import { ParserThread } from './parser-thread.ts';

/** With a second one, a message that takes long does not hold up those of others. */
const THREADS = 2;

/** Larger messages are parsed one at a time: that takes several times their memory. */
const SMALL_BYTES = 1024 ** 2;

/** After a larger message a thread is ended, and the garbage that it would keep with it. */
const RECYCLING_BYTES = 4 * 1024 ** 2;

interface Job {
  readonly id: number;
  readonly fetch: () => Promise<ArrayBuffer>;
  readonly signal: AbortSignal;
  readonly resolve: (parsed: ParsedMessage) => void;
  readonly reject: (error: Error) => void;
}

export class ParserPool {
  readonly #limits: ParseLimits;
  readonly #mayBegin: () => boolean;
  readonly #idle: ParserThread[] = [];
  readonly #busy = new Set<ParserThread>();
  readonly #waiting: Job[] = [];
  /** Settles when the large message that is being parsed ends. */
  #large: Promise<unknown> | undefined;

  /** `mayBegin`: whether there is room for what comes of one more message; see {@link proceed}. */
  constructor(limits: ParseLimits, mayBegin: () => boolean = () => true) {
    this.#limits = limits;
    this.#mayBegin = mayBegin;
  }

  /**
   * Parses the message that `fetch` brings, whose buffer moves to a thread. Rejects with ParseError,
   * or with what `fetch` rejects with. After an abort the outcome is of no interest to anybody.
   */
  parse(
    id: number,
    fetch: () => Promise<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<ParsedMessage> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, fetch, signal, resolve, reject });
      this.proceed();
    });
  }

  /** There is room again, perhaps. */
  proceed(): void {
    while (this.#waiting.length > 0) {
      if (this.#waiting[0]!.signal.aborted) {
        this.#waiting.shift()!.reject(abandoned());
        continue;
      }
      if (this.#busy.size >= THREADS || !this.#mayBegin()) return;
      const thread = this.#idle.pop() ?? this.#start();
      this.#busy.add(thread);
      this.#run(thread, this.#waiting.shift()!);
    }
  }

  /** Ends all threads. */
  close(): void {
    for (const thread of [...this.#idle, ...this.#busy]) thread.end();
  }

  #start(): ParserThread {
    const thread = new ParserThread(this.#limits, () => {
      const at = this.#idle.indexOf(thread);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return thread;
  }

  async #run(thread: ParserThread, { id, fetch, signal, resolve, reject }: Job): Promise<void> {
    let isLast = false;
    try {
      const message = await Promise.race([fetch(), abortOf(signal)]);
      if (signal.aborted) throw abandoned();
      isLast = message.byteLength > RECYCLING_BYTES;
      resolve(await this.#inTurn(message, signal, () => thread.parse(id, message, signal)));
    } catch (error) {
      reject(error as Error);
    } finally {
      this.#busy.delete(thread);
      if (isLast) thread.end();
      if (!thread.isGone) this.#idle.push(thread);
      this.proceed();
    }
  }

  async #inTurn(
    { byteLength }: ArrayBuffer,
    signal: AbortSignal,
    parse: () => Promise<ParsedMessage>,
  ): Promise<ParsedMessage> {
    if (byteLength <= SMALL_BYTES) return parse();
    while (this.#large) await Promise.race([this.#large, abortOf(signal)]);
    const parsing = parse();
    this.#large = parsing.catch(() => {});
    try {
      return await parsing;
    } finally {
      this.#large = undefined;
    }
  }
}

/** Rejects when it comes; until then the thread is kept for this message. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(abandoned()), { once: true });
  });
}

function abandoned(): ParseError {
  return new ParseError('ERR_PARSE_OVER', 'parse: nobody waits for this message any more');
}
