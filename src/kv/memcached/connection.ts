/** A memcached that is connected to again and again. */

import { setTimeout } from 'node:timers/promises';
import { Link, LinkFailure, type LinkOptions } from './link.ts';

/**
 * How long a call waits for a connection, in parts: a process that was busy for all of the
 * time has not looked at its sockets, and does so between them.
 */
const CONNECT_WAITS_MS = [20, 20, 20, 20, 20];

/** The first pause between two attempts, and the longest. */
const FIRST_PAUSE_MS = 25;
const MAX_PAUSE_MS = 800;

export type ConnectionOptions = Omit<LinkOptions, 'connectMs' | 'answerMs'>;

const TIMES = { connectMs: 1_000, answerMs: 1_500 };

export class Connection {
  readonly #options: LinkOptions;
  readonly #closed = new AbortController();
  readonly #kept: Promise<void>;
  #link: Link;
  /** Resolves when there is another link. */
  #replaced = Promise.withResolvers<void>();
  #lastFailure = new LinkFailure('no connection yet', false);

  /** Begins to connect; never throws. */
  constructor(options: ConnectionOptions) {
    this.#options = { ...options, ...TIMES };
    this.#link = new Link(this.#options);
    this.#kept = this.#keep();
  }

  /** A link that can be used; rejects with {@link LinkFailure} if there is none soon. */
  async link(): Promise<Link> {
    if (this.#link.isReady) return this.#link;
    const ended = new AbortController();
    const late = this.#tooLate(ended.signal);
    late.catch(() => undefined);
    try {
      return await Promise.race([this.#nextLink(ended.signal), late]);
    } finally {
      ended.abort();
    }
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#link.fail('the store is closed');
    await this.#kept;
  }

  async #tooLate(signal: AbortSignal): Promise<never> {
    for (const ms of CONNECT_WAITS_MS) await setTimeout(ms, undefined, { signal });
    throw this.#lastFailure;
  }

  async #nextLink(signal: AbortSignal): Promise<Link> {
    for (;;) {
      const link = this.#link;
      const ready = await link.ready.then(
        () => link.isReady,
        () => false,
      );
      if (ready || signal.aborted) return link;
      await this.#replaced.promise;
    }
  }

  async #keep(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; ) {
      await this.#link.ready.then(
        () => {
          pauseMs = FIRST_PAUSE_MS;
        },
        () => undefined,
      );
      this.#lastFailure = await this.#link.ended;
      const { signal } = this.#closed;
      await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
      this.#link = new Link(this.#options);
      this.#replaced.resolve();
      this.#replaced = Promise.withResolvers();
    }
  }
}
