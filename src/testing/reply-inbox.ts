/** Replies of a filter as they come in, for whoever asks for the next one. */

import type { Duplex } from 'node:stream';
import { type Reply, ReplyDecoder } from 'net-milter-codec';

/** The other side closed the connection. */
export class MilterClosedError extends Error {
  readonly code = 'ERR_MILTER_CLOSED';
  constructor() {
    super('expected a reply, but the filter closed the connection');
    this.name = 'MilterClosedError';
  }
}

export class ReplyInbox {
  readonly #decoder = new ReplyDecoder();
  readonly #replies: Reply[] = [];
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  #failure: Error | undefined;
  /** Resolves when the filter has closed the connection. */
  readonly closed: Promise<void>;

  constructor(stream: Duplex) {
    this.closed = new Promise((resolve) => {
      stream.once('close', () => {
        this.#fail(new MilterClosedError());
        resolve();
      });
    });
    stream.on('error', (error) => this.#fail(error));
    stream.on('end', () => this.#fail(new MilterClosedError()));
    stream.on('data', (chunk: Buffer) => this.#heard(chunk));
  }

  /** The next reply. Rejects when the filter closes or sends what is no reply. */
  next(): Promise<Reply> {
    const reply = this.#replies.shift();
    if (reply !== undefined) return Promise.resolve(reply);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** A reply that came and that nobody asked for. */
  get unread(): Reply | undefined {
    return this.#replies[0];
  }

  #heard(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk);
      for (const reply of this.#decoder) {
        const waiting = this.#waiting.shift();
        if (waiting) waiting.resolve(reply);
        else this.#replies.push(reply);
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
