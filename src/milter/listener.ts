/** A place where MTAs connect: one listening socket. */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from './address.ts';
import { formatListen } from './address.ts';
import { errorFields, type Logger } from './logger.ts';
import { applySocketMode, prepareUnixSocket, type SocketFileOptions } from './unix-socket.ts';

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** Permissions of a Unix socket. */
  readonly file?: SocketFileOptions;
  /**
   * Whether this process looks after the file of a Unix socket. False in a worker of
   * node:cluster, whose listening socket belongs to the primary process.
   */
  readonly ownsFile?: boolean;
  readonly log: Logger;
  /** May destroy the socket. */
  readonly onConnection: (socket: Socket) => void;
}

/** Connections that wait to be accepted; Node's own default is too small for bursts of MTAs. */
const BACKLOG = 1024;

/** A connection whose machine vanished is noticed after about this long without traffic. */
const KEEPALIVE_AFTER_MS = 60_000;

export class Listener {
  readonly #server: Server;
  readonly #asked: ListenAddress;

  private constructor(server: Server, asked: ListenAddress) {
    this.#server = server;
    this.#asked = asked;
  }

  /** Opens it. Rejects when the place is taken or may not be used. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { address, log, onConnection } = options;
    const ownsFile = options.ownsFile ?? true;
    const server = createServer({ noDelay: true });
    server.on('connection', (socket) => {
      socket.setKeepAlive(true, KEEPALIVE_AFTER_MS);
      onConnection(socket);
    });
    if (address.kind === 'unix' && ownsFile) await prepareUnixSocket(address.path);
    await listen(server, address);
    // From here on errors are those of accept(), such as EMFILE: the next one may succeed.
    server.on('error', (error) => {
      log.error(
        { listener: formatListen(address), ...errorFields(error) },
        'cannot accept a connection',
      );
    });
    const listener = new Listener(server, address);
    if (address.kind === 'unix' && ownsFile && options.file !== undefined) {
      await applySocketMode(address.path, options.file).catch(async (error: unknown) => {
        await listener.close();
        throw error;
      });
    }
    return listener;
  }

  /** Where it listens, with the port that the system chose. */
  get address(): ListenAddress {
    const bound = this.#server.address() as AddressInfo | string | null;
    if (this.#asked.kind === 'unix' || bound === null || typeof bound === 'string') {
      return this.#asked;
    }
    return { ...this.#asked, port: bound.port };
  }

  /** Accepts no more; connections live on. A Unix socket's file is removed with it. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#server.listening) resolve();
      else {
        // The callback waits for every connection to end; the socket itself closes at once.
        this.#server.close();
        resolve();
      }
    });
  }
}

function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      address.kind === 'unix'
        ? { path: address.path, backlog: BACKLOG }
        : {
            port: address.port,
            ...(address.host === undefined
              ? address.ipv6Only && { host: '::' }
              : { host: address.host }),
            ipv6Only: address.ipv6Only,
            backlog: BACKLOG,
          },
      () => {
        server.off('error', reject);
        resolve();
      },
    );
  });
}
