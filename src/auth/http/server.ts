/** The HTTP server that login servers ask: `/dovecot`, `/nginx` and `/events`. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, ListenOptions, Socket } from 'node:net';
import type { Logger } from '../../engine/logger.ts';
import { reasonOf } from '../../kv/errors.ts';
import { AttemptMemory } from '../attempt-memory.ts';
import { Background } from '../background.ts';
import { BadRequest } from '../bad-request.ts';
import { Dovecot } from '../dovecot.ts';
import { Events } from '../events.ts';
import type { Gate } from '../gate.ts';
import type { LoginLimits } from '../limits.ts';
import type { Lists } from '../lists.ts';
import { LoginLog } from '../log.ts';
import { LoginPolicy } from '../login-policy.ts';
import { LoginSessions } from '../login-sessions.ts';
import { Nginx, type NginxOptions } from '../nginx.ts';
import { Tarpits } from '../tarpits.ts';
import { Weakforced } from '../weakforced.ts';
import { sendFailure } from './answer.ts';
import { Routes } from './routes.ts';
import { SharedSecret } from './secret.ts';

export interface LoginServerOptions {
  readonly gate: Gate;
  readonly log: Logger;
  /** What every caller must send. */
  readonly secret?: string;
  /** The listener can be reached from this machine alone: it may do without a secret. */
  readonly trustedLoopback: boolean;
  readonly nginx: NginxOptions;
  /** `rejectOnFail`: what Dovecot's `auth_policy_reject_on_fail` says, if that is known. */
  readonly dovecot?: { readonly rejectOnFail?: boolean };
  readonly limits: LoginLimits;
  /** Bans and their exceptions; absent: none. */
  readonly lists?: Lists;
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

/** Anybody on the network could ask and report. */
export class MissingSecretError extends Error {
  readonly code = 'ERR_LOGIN_SECRET';
  constructor() {
    super('auth.secret is missing: set it, or listen on 127.0.0.1, ::1 or a Unix socket');
    this.name = 'MissingSecretError';
  }
}

/** Dovecot keeps idle connections for 10 s, and does not try again when one ends under its request. */
const KEEP_ALIVE_MS = 15_000;
/** nginx may send the client's certificate. */
const HEADER_BYTES = 32 * 1024;
const HEADERS = 100;

export class LoginServer {
  readonly #options: LoginServerOptions;
  readonly #log: LoginLog;
  readonly #secret: SharedSecret | undefined;
  readonly #sessions: LoginSessions;
  readonly #background = new Background();
  readonly #routes: Routes;
  readonly #server: Server;
  #connections = 0;
  #checksTimes = false;

  /** Throws {@link MissingSecretError}. */
  constructor(options: LoginServerOptions) {
    const { gate, limits, nginx, dovecot, lists, secret, now = Date.now } = options;
    if (!secret && !options.trustedLoopback) throw new MissingSecretError();
    this.#options = options;
    this.#secret = secret ? new SharedSecret(secret) : undefined;
    const log = new LoginLog(options.log);
    this.#log = log;
    const sessions = new LoginSessions({ gate, log, now, ...limits });
    this.#sessions = sessions;
    const policy = new LoginPolicy({ gate, log, ...(lists && { lists }) });
    const tarpits = new Tarpits({
      ...limits,
      now,
      full: () =>
        log.warn(
          'tarpits',
          { limit: 'tarpits', tarpits: limits.tarpits },
          'a login is not delayed: as many as allowed are delayed already',
        ),
    });
    const asked = new Dovecot({
      ...dovecot,
      policy,
      gate,
      sessions,
      tarpits,
      background: this.#background,
      waiting: limits.waiting,
      memory: new AttemptMemory({ sessions: limits.sessions, now }),
    });
    this.#routes = new Routes({
      log,
      bodyBytes: limits.bodyBytes,
      dovecot: asked,
      weakforced: new Weakforced({ counts: () => asked.counts, ...(lists && { lists }) }),
      nginx: new Nginx({
        policy,
        gate,
        tarpits,
        log,
        now,
        options: nginx,
        waiting: limits.waiting,
      }),
      events: new Events({
        gate,
        sessions,
        log,
        background: this.#background,
        waiting: limits.waiting,
      }),
    });
    this.#server = this.#createServer();
  }

  /** Logins that hold or may hold something. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Answers one request; for tests and for other servers of node:http. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    // A caller that vanishes is no error of ours.
    response.on('error', () => {});
    if (this.#secret && !this.#secret.isIn(request.headers)) {
      this.#log.warn(
        'secret',
        { from: request.socket.remoteAddress },
        'a caller without the right secret: set X-Postern-Secret there to auth.secret',
      );
      response.setHeader('Connection', 'close');
      sendFailure(response, 401, 'Unauthorized');
      return;
    }
    this.#routes.handle(request, response).catch((error: unknown) => this.#failed(response, error));
  };

  /** Serves a connection that somebody else accepted. */
  accept(socket: Socket): void {
    if (!this.#server.listening && !this.#checksTimes) {
      // node:http begins to watch over slow requests when it begins to listen.
      this.#server.emit('listening');
      this.#checksTimes = true;
    }
    if (this.#connections >= this.#options.limits.connections) {
      this.#sayFull();
      socket.destroy();
      return;
    }
    this.#server.emit('connection', socket);
  }

  /** Listens by itself; gives the address that it has. */
  async listen(options: ListenOptions): Promise<AddressInfo | string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options, () => {
        this.#server.off('error', reject);
        // From here on errors are those of accept(), such as EMFILE: the next one may succeed.
        this.#server.on('error', (error) =>
          this.#log.error('connections', { error: error.message }, 'cannot accept a connection'),
        );
        resolve();
      });
    });
    return this.#server.address()!;
  }

  /** Accepts no more; requests, reports and events under way end first, for `graceMs`. Gives all leases back. */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    const isOver = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const grace = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    const works = this.#background.end(graceMs);
    await isOver;
    if (this.#connections > 0) await once(this.#server, 'empty');
    clearTimeout(grace);
    await works;
    this.#sessions.close();
  }

  #createServer(): Server {
    const { requestMs, connections } = this.#options.limits;
    const server = createServer(
      {
        maxHeaderSize: HEADER_BYTES,
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: requestMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: Math.min(1000, Math.ceil(requestMs / 4)),
        noDelay: true,
        keepAlive: true,
      },
      this.handler,
    );
    server.maxHeadersCount = HEADERS;
    server.maxConnections = connections;
    server.on('drop', () => this.#sayFull());
    server.on('connection', (socket: Socket) => {
      this.#connections += 1;
      socket.once('close', () => {
        this.#connections -= 1;
        if (this.#connections === 0) server.emit('empty');
      });
    });
    return server;
  }

  #failed(response: ServerResponse, error: unknown): void {
    if (error instanceof BadRequest) {
      this.#log.warn('request', { status: error.status, error: error.message }, 'a wrong request');
      sendFailure(response, error.status, error.message);
      return;
    }
    this.#log.error('failure', { error: reasonOf(error) }, 'cannot answer a login server');
    sendFailure(response, 500, 'internal error');
  }

  #sayFull(): void {
    const { connections } = this.#options.limits;
    this.#log.warn(
      'connections',
      { connections },
      'turning login servers away: too many connections',
    );
  }
}
