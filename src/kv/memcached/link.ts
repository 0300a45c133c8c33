/**
 * One connection to a memcached, by memjs' Server, from connecting to its first fault.
 *
 * memjs reuses a Server after a fault, and some of the old connection gets into the new
 * one: the unread half of an answer (every later answer is then misread), a late 'close'
 * (which forgets the new socket), requests without a fault when the server closes (which
 * are never answered). So here a Server is used for one connection only, each of its
 * faults ends it for good, and the next connection has a Server of its own. Nothing is
 * given to a Server before it is connected, since it would keep and send it later.
 */

import type { Socket } from 'node:net';
import { type Response, Server, Utils } from 'memjs';
import { reasonOf } from '../errors.ts';

export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** How long it may take to connect and to log in. */
  readonly connectMs: number;
  /** How long an answer may take; then the connection is given up. */
  readonly answerMs: number;
}

/** Why a connection is not there any more. */
export class LinkFailure extends Error {
  /** Whether the request had been sent: what it asked may have happened or not. */
  readonly sent: boolean;
  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LinkFailure';
    this.sent = sent;
  }
}

/** memcached numbers answers by `opaque`, which memjs' logging in has 0 for. */
const FIRST_REQUEST = 1;
const LAST_REQUEST = 2 ** 32 - 1;

/** PROTOCOL_BINARY_CMD_VERSION */
const VERSION = 0x0b;

/** An hour, in seconds: memjs' own timeouts go by idle sockets, and ours do it better. */
const NO_TIMEOUT_S = 3600;

export class Link {
  readonly #server: Server;
  readonly #answerMs: number;
  readonly #pending = new Map<number, (failure: LinkFailure) => void>();
  /** Resolves when requests can be sent; rejects with {@link LinkFailure}. */
  readonly ready: Promise<void>;
  /** Resolves when the connection is over, with the reason. */
  readonly ended: Promise<LinkFailure>;
  readonly #end: (failure: LinkFailure) => void;
  #socket: Socket | undefined;
  #failure: LinkFailure | undefined;
  #answers = false;
  #next = FIRST_REQUEST;

  constructor({ host, port, username, password, connectMs, answerMs }: LinkOptions) {
    const options = { timeout: NO_TIMEOUT_S, conntimeout: NO_TIMEOUT_S, keepAlive: true };
    this.#server = new Server(host, port, username, password, options);
    // Those of the URL or none, not those of memjs' environment variables.
    Object.assign(this.#server, { username, password });
    this.#answerMs = answerMs;
    const ended = Promise.withResolvers<LinkFailure>();
    this.ended = ended.promise;
    this.#end = ended.resolve;
    this.ready = this.#connect(connectMs);
    // Who does not wait for it learns of the fault from `ended`.
    this.ready.catch(() => undefined);
  }

  get isReady(): boolean {
    return this.#failure === undefined && this.#answers;
  }

  /**
   * Sends the request that `build` makes for the number it is given, and gives the answer.
   * Only when ready. Rejects with {@link LinkFailure}.
   */
  request(build: (opaque: number) => Buffer): Promise<Response> {
    if (!this.isReady) return Promise.reject(this.#failure ?? new LinkFailure('not ready', false));
    return this.#send(build);
  }

  #send(build: (opaque: number) => Buffer): Promise<Response> {
    const opaque = this.#next;
    this.#next = opaque === LAST_REQUEST ? FIRST_REQUEST : opaque + 1;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const late = () => {
      if (this.#pending.has(opaque)) this.fail(`no answer within ${this.#answerMs} ms`);
    };
    // A process that was busy all the time reads its sockets before it gives up.
    const timer = setTimeout(() => setImmediate(late), this.#answerMs);
    this.#pending.set(opaque, reject);
    this.#server.onResponse(opaque, (response) => {
      clearTimeout(timer);
      this.#pending.delete(opaque);
      resolve(response);
    });
    promise.catch(() => clearTimeout(timer));
    this.#server.write(build(opaque));
    return promise;
  }

  /** Ends the connection and fails what is under way. Only the first reason counts. */
  fail(reason: string): void {
    if (this.#failure) return;
    this.#failure = new LinkFailure(reason, false);
    this.#socket?.destroy();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const reject of pending) reject(new LinkFailure(reason, true));
    this.#end(this.#failure);
  }

  async #connect(connectMs: number): Promise<void> {
    const server = this.#server;
    const connected = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.fail(`no answer within ${connectMs} ms`), connectMs);
    void this.ended.then((failure) => {
      clearTimeout(timer);
      connected.reject(failure);
    });
    guardParser(server, (reason) => this.fail(reason));
    // The number 0 stands for the login; a fault is told to all numbers.
    server.onError(0, (error) => this.fail(reasonOf(error)));
    server.sock(false, (socket) => {
      socket.setNoDelay(true);
      connected.resolve();
    });
    // memjs makes the socket at once, and keeps it to itself.
    const { _socket: socket } = server as unknown as { _socket: Socket };
    this.#socket = socket;
    socket.once('close', () => this.fail('the server closed the connection'));
    await connected.promise;
    // The kernel accepts connections also for a memcached that hangs.
    await this.#send((opaque) => Utils.makeRequestBuffer(VERSION, '', '', '', opaque));
    clearTimeout(timer);
    this.#answers = true;
  }
}

/** The largest answer that can be meant: an item (-I allows 1 GB), its key and extras. */
const MAX_ANSWER_BYTES = 2 ** 30 + 2 ** 17;
const HEADER_BYTES = 24;
const RESPONSE_MAGIC = 0x81;

/** memjs takes whatever comes for answers, and would wait for the rest of an HTTP page. */
function guardParser(server: Server, fail: (reason: string) => void): void {
  const parse = server.responseHandler.bind(server);
  server.responseHandler = (bytes) => {
    try {
      parse(bytes);
      const { responseBuffer: rest } = server;
      const isAnswer =
        rest.length < HEADER_BYTES ||
        (rest[0] === RESPONSE_MAGIC && rest.readUInt32BE(8) <= MAX_ANSWER_BYTES);
      if (!isAnswer) fail('the answers are not those of a memcached');
    } catch (error) {
      fail(reasonOf(error));
    }
  };
}
