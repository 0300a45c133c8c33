/** The next hop behind Postfix: an SMTP server that keeps what it gets. */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ReceivedMessage } from './received-message.ts';
import { ReceiverSession } from './receiver-session.ts';

export type { ReceivedMessage } from './received-message.ts';

/** How the receiver behaves. */
export type ReceiverOptions = {
  /** A free port when left out. */
  readonly port?: number;
  /**
   * A reply to a command, or to the end of a message (`.`), instead of the usual one.
   * @example
   * (command) => command.startsWith('RCPT') ? '450 4.2.0 Later' : undefined
   */
  readonly answer?: (command: string) => string | undefined;
};

/** What {@link Receiver.next} waits for. */
type Taker = {
  readonly wants: (message: ReceivedMessage) => boolean;
  readonly resolve: (message: ReceivedMessage) => void;
};

const DEFAULT_TIMEOUT_MS = 10_000;
const DIALOGUE_LINES = 20;

/** Starts a receiver on loopback. */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const receiver = new Receiver(options.answer);
  await receiver.listen(options.port ?? 0);
  return receiver;
}

/** A running receiver. */
export class Receiver {
  /** Every message that came. */
  readonly messages: readonly ReceivedMessage[];
  readonly #messages: ReceivedMessage[] = [];
  readonly #untaken = new Set<ReceivedMessage>();
  readonly #takers = new Set<Taker>();
  readonly #dialogue: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #answer: (command: string) => string | undefined;

  constructor(answer: (command: string) => string | undefined = () => undefined) {
    this.messages = this.#messages;
    this.#answer = answer;
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** The oldest message that was not taken yet, or the next to come. */
  next(timeoutMs?: number): Promise<ReceivedMessage> {
    return this.#take(() => true, 'a message', timeoutMs);
  }

  /** As {@link next}, but only a message to this recipient. Others stay. */
  nextTo(recipient: string, timeoutMs?: number): Promise<ReceivedMessage> {
    return this.#take(
      ({ recipients }) => recipients.some(({ address }) => address === recipient),
      `a message to ${recipient}`,
      timeoutMs,
    );
  }

  /** Stops listening and drops every connection. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  async #take(
    wants: Taker['wants'],
    what: string,
    timeoutMs = DEFAULT_TIMEOUT_MS,
  ): Promise<ReceivedMessage> {
    for (const message of this.#untaken) {
      if (!wants(message)) continue;
      this.#untaken.delete(message);
      return message;
    }
    const { promise, resolve, reject } = Promise.withResolvers<ReceivedMessage>();
    const taker = { wants, resolve };
    this.#takers.add(taker);
    const timer = setTimeout(() => reject(this.#failure(what, timeoutMs)), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#takers.delete(taker);
    }
  }

  #keep(message: ReceivedMessage): void {
    this.#messages.push(message);
    for (const taker of this.#takers) {
      if (!taker.wants(message)) continue;
      // At once, since the next message may come before the taker has run.
      this.#takers.delete(taker);
      taker.resolve(message);
      return;
    }
    this.#untaken.add(message);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // A client that vanishes is part of the tests.
    socket.on('error', () => {});
    const session = new ReceiverSession({
      onMessage: (message) => this.#keep(message),
      onLine: (line) => this.#note(line),
      answer: this.#answer,
    });
    socket.write(session.greet());
    socket.on('data', (chunk: Buffer) => {
      const replies = session.push(chunk);
      if (session.over) socket.end(replies);
      else socket.write(replies);
    });
  }

  #note(line: string): void {
    this.#dialogue.push(line);
    if (this.#dialogue.length > DIALOGUE_LINES) this.#dialogue.shift();
  }

  #failure(what: string, timeoutMs: number): Error {
    const seen = this.#messages.map(({ sender, recipients }) => {
      const addresses = recipients.map(({ address }) => address);
      return `from <${sender}> to ${addresses.join(', ')}`;
    });
    return new Error(
      [
        `${what} did not come in ${timeoutMs} ms`,
        `messages so far: ${seen.length === 0 ? 'none' : seen.join('; ')}`,
        'last lines of the dialogue:',
        ...this.#dialogue,
      ].join('\n'),
    );
  }
}
