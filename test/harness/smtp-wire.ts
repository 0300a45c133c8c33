/** A raw SMTP connection: bytes out, replies in, in order. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Reply, ReplyParser } from './smtp-reply.ts';
import { within } from './waiting.ts';

const DIALOGUE_LINES = 20;
const LONGEST_DIALOGUE_LINE = 200;

type Waiter = {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
};

/** One connection to a server on loopback. */
export class SmtpWire {
  /** Resolves when the connection is over, from whichever side. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #parser = new ReplyParser();
  readonly #replies: Reply[] = [];
  readonly #dialogue: string[] = [];
  #waiters: Waiter[] = [];
  #end: string | undefined;

  /** @param timeoutMs how long a reply may take */
  static async open(port: number, timeoutMs: number): Promise<SmtpWire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new SmtpWire(socket, timeoutMs);
  }

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    // UTF-8, which SMTPUTF8 allows in replies; a multibyte character may be split.
    socket.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => {
      this.#end ??= error.message;
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#end ??= 'the server closed the connection';
        for (const { reject } of this.#waiters) reject(this.#failure(this.#end));
        this.#waiters = [];
        resolve();
      });
    });
  }

  /** Sends bytes, all in one write. A string goes out as UTF-8. */
  write(bytes: string | Buffer): void {
    const lines = bytes.toString().replace(/\r\n$/, '').split('\r\n');
    for (const line of lines.slice(-DIALOGUE_LINES)) this.#note('C', line);
    this.#socket.write(bytes);
  }

  /** The next reply, also when it came already. */
  async reply(): Promise<Reply> {
    const reply = this.#replies.shift();
    if (reply) return reply;
    if (this.#end !== undefined) throw this.#failure(this.#end);
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiters.push({ resolve, reject });
    try {
      return await within(
        this.#timeoutMs,
        promise,
        () => this.#failure(`no reply in ${this.#timeoutMs} ms`).message,
      );
    } catch (error) {
      // After a missing reply nobody could tell which command the next one answers.
      this.#socket.destroy();
      throw error;
    }
  }

  /** Vanishes without a word. */
  destroy(): void {
    this.#end ??= 'the test closed the connection';
    this.#socket.destroy();
  }

  #read(text: string): void {
    try {
      for (const reply of this.#parser.push(text)) {
        for (const line of reply.text.split('\n')) this.#note('S', line);
        const waiter = this.#waiters.shift();
        if (waiter) waiter.resolve(reply);
        else this.#replies.push(reply);
      }
    } catch (error) {
      this.#end ??= (error as Error).message;
      this.#socket.destroy();
    }
  }

  #note(side: 'C' | 'S', line: string): void {
    this.#dialogue.push(`${side}: ${line.slice(0, LONGEST_DIALOGUE_LINE)}`);
    if (this.#dialogue.length > DIALOGUE_LINES) this.#dialogue.shift();
  }

  #failure(why: string): Error {
    return new Error(`${why}\nlast lines of the dialogue:\n${this.#dialogue.join('\n')}`);
  }
}
