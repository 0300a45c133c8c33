/**
 * A stub resolver that keeps what it learned for as long as it holds. Node's own tells no TTLs,
 * so that its answers could only be kept by guess or not at all.
 */

import { abandoned, unlessAborted } from '../aborting.ts';
import { CapabilityFailure } from '../failure.ts';
import { type Asking, ask } from './ask.ts';
import { AnswerCache, keyOf } from './cache.ts';
import { dnsName } from './name.ts';
import type { Answer, Question, RecordType } from './records.ts';
import { type DnsServer, dnsServers } from './server.ts';
import { Slots } from './slots.ts';

export interface DnsOptions {
  /** `'127.0.0.1'`, `'127.0.0.1:5353'`, `'[::1]:53'`, asked in this order; default: the system's. */
  readonly servers?: readonly string[];
  /** How long one server may take for one try, over UDP and again over TCP. */
  readonly timeoutMs: number;
  /** How often each server is asked. */
  readonly tries: number;
  /** Answers kept at most; 0: none. */
  readonly cacheEntries: number;
  /** Milliseconds of a clock that never goes back; for tests. */
  readonly now?: () => number;
}

/** Each takes a socket, and all their answers must fit in the buffers on the way; more wait in a line. */
const MAX_UNDER_WAY = 200;

/** A question that is under way, asked once for all who wait for it. */
interface Shared {
  readonly answer: Promise<Answer>;
  waiting: number;
}

/** What other parts of a worker need of the DNS. */
export interface RecordSource {
  /**
   * What the DNS says. Throws ERR_DNS_TIMEOUT, ERR_DNS_SERVER, ERR_ARGUMENT for a name that
   * is none, ERR_ABORTED when `signal` was aborted; others who wait for the same go on.
   */
  resolveRecords<Type extends RecordType>(
    name: string,
    type: Type,
    signal?: AbortSignal,
  ): Promise<Answer<Type>>;
}

export class Resolver implements RecordSource {
  readonly #options: DnsOptions;
  readonly #cache: AnswerCache;
  readonly #underWay = new Map<string, Shared>();
  readonly #slots = new Slots(MAX_UNDER_WAY);
  readonly #closing = new AbortController();
  #servers: readonly DnsServer[];

  constructor(options: DnsOptions) {
    this.#options = options;
    this.#servers = dnsServers(options.servers);
    this.#cache = new AnswerCache(options.cacheEntries, options.now ?? (() => performance.now()));
  }

  async resolveRecords<Type extends RecordType>(
    name: string,
    type: Type,
    signal?: AbortSignal,
  ): Promise<Answer<Type>> {
    const question: Question = { name: dnsName(name), type };
    // What is kept under a question has the type that the question has.
    return (await this.#resolve(question, signal)) as Answer<Type>;
  }

  /** Ends what is under way; whoever waits gets ERR_DNS_SERVER. */
  close(): void {
    this.#closing.abort();
    this.#cache.clear();
  }

  async #resolve(question: Question, signal: AbortSignal | undefined): Promise<Answer> {
    const kept = this.#cache.get(question);
    if (kept) return kept;
    if (signal?.aborted) throw abandoned();
    const key = keyOf(question);
    let shared = this.#underWay.get(key);
    if (!shared) {
      shared = this.#begin(question);
      this.#underWay.set(key, shared);
    }
    shared.waiting += 1;
    try {
      return await unlessAborted(shared.answer, signal);
    } finally {
      shared.waiting -= 1;
    }
  }

  #begin(question: Question): Shared {
    const shared: Shared = {
      waiting: 0,
      answer: this.#askInTurn(question, () => {
        // All who wanted to know may have left while it stood in the line; who comes now begins anew.
        if (shared.waiting === 0) this.#forget(question, shared);
        return shared.waiting > 0;
      }).finally(() => this.#forget(question, shared)),
    };
    return shared;
  }

  #forget(question: Question, shared: Shared): void {
    const key = keyOf(question);
    if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
  }

  async #askInTurn(question: Question, isWanted: () => boolean): Promise<Answer> {
    await this.#slots.take();
    try {
      if (!isWanted() || this.#closing.signal.aborted) throw notAsked(question);
      const { found, bytes } = await ask(this.#servers, question, this.#asking);
      this.#cache.put(question, found.answer, found.ttlSeconds, bytes);
      return found.answer;
    } finally {
      this.#slots.give();
    }
  }

  get #asking(): Asking {
    return {
      timeoutMs: this.#options.timeoutMs,
      tries: this.#options.tries,
      signal: this.#closing.signal,
      onSilent: (server) => this.#putLast(server),
    };
  }

  /** Later questions begin with a server that answers. */
  #putLast(silent: DnsServer): void {
    this.#servers = [...this.#servers.filter((server) => server !== silent), silent];
  }
}

function notAsked({ name, type }: Question): CapabilityFailure {
  return new CapabilityFailure('ERR_DNS_SERVER', `dns: ${name} (${type}) was not asked for`);
}
