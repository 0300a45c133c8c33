/** Replies on their way out of a socket, and a peer that does not take them. */

import type { Duplex } from 'node:stream';
import { encodeReplies, type Reply } from 'net-milter-codec';
import type { Timer, Timers } from './timers.ts';

export class ReplyWriter {
  readonly #socket: Duplex;
  readonly #timers: Timers;
  readonly #writeMs: number;
  readonly #onTimeout: () => void;
  #timer: Timer | undefined;
  #blocked = false;

  /** `onTimeout`: replies have waited for `writeMs` without being taken. */
  constructor(socket: Duplex, timers: Timers, writeMs: number, onTimeout: () => void) {
    this.#socket = socket;
    this.#timers = timers;
    this.#writeMs = writeMs;
    this.#onTimeout = onTimeout;
    socket.on('drain', () => {
      this.#blocked = false;
    });
  }

  /** The socket takes no more until its `drain`. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** All of them in one write. */
  send(replies: readonly Reply[]): void {
    if (!this.#socket.writable) return;
    if (!this.#socket.write(encodeReplies(replies), this.#written)) this.#blocked = true;
    // Nearly always the system takes a reply at once.
    if (this.#socket.writableLength > 0) {
      this.#timer ??= this.#timers.after(this.#writeMs, this.#onTimeout);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #written = (): void => {
    if (this.#socket.writableLength === 0) this.stop();
  };
}
