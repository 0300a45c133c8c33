/**
 * One server of an etcd cluster. The calls are made by hand on the channels that etcd3
 * opens, since what etcd3 adds to a call is in the way here: it closes the channel under
 * all other calls when one fails, and opens a channel that nobody closes for each login.
 */

import { getCACertificates } from 'node:tls';
import { Etcd3 } from 'etcd3';
import { reasonOf } from '../errors.ts';

export interface WireOptions {
  /** `host:port`, IPv6 in brackets. */
  readonly address: string;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
}

/** Codes of gRPC that are told apart. */
export const GRPC = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A call that failed; `message` is what the server or gRPC says. */
export class EtcdFailure extends Error {
  /** See {@link GRPC}. */
  readonly code: number | undefined;
  constructor(code: number | undefined, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EtcdFailure';
    this.code = code;
  }
}

type Service = 'KV' | 'Lease' | 'Auth';
type Callback = (error: Error | null, response: unknown) => void;
type Unary = (payload: object, metadata: unknown, options: object, done: Callback) => void;

/** CONNECTING and the others are as good as each other: not ready. */
const READY = 2;

const CHANNEL = {
  // First quickly, then once in a second, for ever.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // A server that vanished without a word is found out after 12 s; etcd closes the
  // connection of a client that asks more often than every 5 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 2_000,
  // A page of large values is more than the default of 4 MB.
  'grpc.max_receive_message_length': -1,
  // The environment's proxy for the web is not the way to the store.
  'grpc.enable_http_proxy': 0,
};

export class Wire extends Etcd3 {
  readonly #login: { readonly name: string; readonly password: string } | undefined;
  #token: Promise<string> | undefined;

  constructor({ address, tls, username, password = '' }: WireOptions) {
    super({
      hosts: `${tls ? 'https' : 'http'}://${address}`,
      ...(tls && { credentials: { rootCertificate: trusted() } }),
      grpcOptions: CHANNEL,
    });
    this.#login = username === undefined ? undefined : { name: username, password };
  }

  /** Whether there is a connection; if not, one is attempted. Never rejects. */
  async isReady(): Promise<boolean> {
    const state = this.pool.withConnection('KV', ({ client }) =>
      client.getChannel().getConnectivityState(true),
    );
    return (await state.catch(() => undefined)) === READY;
  }

  /** Resolves when there is a connection; rejects after `ms`. */
  async ready(ms: number): Promise<void> {
    await this.pool.withConnection('KV', async ({ client }) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      client.waitForReady(Date.now() + ms, (error) => (error ? reject(error) : resolve()));
      await promise;
    });
  }

  /** Rejects with {@link EtcdFailure}, at the latest when `ms` are over. */
  async call<Response>(
    service: 'KV' | 'Lease',
    method: string,
    payload: object,
    ms: number,
  ): Promise<Response> {
    const deadline = Date.now() + ms;
    if (this.#login === undefined) return this.#send(service, method, payload, deadline);
    const token = this.#currentToken(deadline);
    try {
      return await this.#send(service, method, payload, deadline, await token);
    } catch (error) {
      if (!isOldToken(error)) throw error;
      // The server was started again, or had not heard of us for five minutes.
      if (this.#token === token) this.#token = undefined;
      return this.#send(service, method, payload, deadline, await this.#currentToken(deadline));
    }
  }

  #currentToken(deadline: number): Promise<string> {
    if (this.#token === undefined) {
      const token = this.#send<{ token: string }>('Auth', 'authenticate', this.#login!, deadline)
        .then((response) => response.token)
        .catch((error: unknown) => {
          if (this.#token === token) this.#token = undefined;
          throw error;
        });
      this.#token = token;
    }
    return this.#token;
  }

  async #send<Response>(
    service: Service,
    method: string,
    payload: object,
    deadline: number,
    token?: string,
  ): Promise<Response> {
    try {
      return await this.pool.withConnection(service, async ({ client, metadata }) => {
        // A member that has lost its cluster says so, instead of letting us wait.
        metadata.set('hasleader', 'true');
        if (token !== undefined) metadata.set('token', token);
        const { promise, resolve, reject } = Promise.withResolvers<unknown>();
        const done: Callback = (error, response) => {
          if (error) reject(failureOf(error));
          else resolve(response);
        };
        const unary = client as unknown as Readonly<Record<string, Unary>>;
        unary[method]!(payload, metadata, { deadline }, done);
        return (await promise) as Response;
      });
    } catch (error) {
      throw error instanceof EtcdFailure ? error : failureOf(error);
    }
  }
}

function failureOf(error: unknown): EtcdFailure {
  const { code, details } = error as { code?: unknown; details?: unknown };
  return new EtcdFailure(
    typeof code === 'number' ? code : undefined,
    typeof details === 'string' && details !== '' ? details : reasonOf(error),
    { cause: error },
  );
}

function isOldToken(error: unknown): boolean {
  return (
    error instanceof EtcdFailure &&
    (error.code === GRPC.unauthenticated || /auth store is old/.test(error.message))
  );
}

/** Node's certificate authorities and those of the system. */
function trusted(): Buffer {
  const all = [...getCACertificates('default'), ...getCACertificates('system')];
  return Buffer.from([...new Set(all)].join('\n'));
}
