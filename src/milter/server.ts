/** All listeners of a configuration, and the connections that came in through them. */

import type { Socket } from 'node:net';
import type { Config, ListenerConfig } from '../config/config.ts';
import type { Engine } from '../engine/contract.ts';
import { formatListen, type ListenAddress, parseListen } from './address.ts';
import { Connection } from './connection.ts';
import { Listener } from './listener.ts';
import type { Logger } from './logger.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface MilterServerOptions {
  readonly config: Pick<Config, 'milter' | 'limits'>;
  readonly engine: Engine;
  readonly log: Logger;
  /** False in a worker process: its sockets' files belong to the process that bound them. */
  readonly ownsFiles?: boolean;
  readonly timers?: Timers;
}

/** For the status page; all since the start. */
export interface ServerCounts {
  /** Open now. */
  readonly connections: number;
  readonly accepted: number;
  /** Turned away because `limits.sessions` were open. */
  readonly refused: number;
}

/** A listener names a filter that is not loaded. */
export class UnknownFilterError extends Error {
  readonly code = 'ERR_UNKNOWN_FILTER';
  constructor(listener: string, name: string, known: readonly string[]) {
    super(`${listener}: expected the name of a filter (${known.join(', ')}), got '${name}'`);
    this.name = 'UnknownFilterError';
  }
}

/** While draining, an MTA that said nothing for this long is not about to send a message. */
const QUIET_MS = 1_000;

export class MilterServer {
  readonly #options: MilterServerOptions;
  readonly #timers: Timers;
  readonly #connections = new Set<Connection>();
  #engine: Engine;
  #listeners: readonly Listener[] = [];
  #accepted = 0;
  #refused = 0;
  /** To say once, not for each connection, that there are too many. */
  #isFull = false;
  readonly #whenEmpty: (() => void)[] = [];

  private constructor(options: MilterServerOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#timers = options.timers ?? systemTimers;
  }

  /** Opens every listener of the configuration; if one fails, none stays open. */
  static async open(options: MilterServerOptions): Promise<MilterServer> {
    const server = new MilterServer(options);
    const { listeners } = options.config.milter;
    for (const listener of listeners) scopeOf(listener, options.engine);
    const opened = await Promise.allSettled(listeners.map((listener) => server.#listen(listener)));
    server.#listeners = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = opened.find((each) => each.status === 'rejected');
    if (failed) {
      await server.close({ graceMs: 0 });
      throw failed.reason;
    }
    return server;
  }

  /** Where it listens, with the ports that the system chose. */
  get addresses(): readonly ListenAddress[] {
    return this.#listeners.map(({ address }) => address);
  }

  get counts(): ServerCounts {
    return {
      connections: this.#connections.size,
      accepted: this.#accepted,
      refused: this.#refused,
    };
  }

  /** Connections from now on use this engine; those that are open keep theirs. */
  use(engine: Engine): void {
    for (const listener of this.#options.config.milter.listeners) scopeOf(listener, engine);
    this.#engine = engine;
  }

  /**
   * Accepts no more, lets messages that are under way finish, and ends connections between
   * messages. What is still open after `graceMs` is cut off.
   */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    if (this.#connections.size === 0) return;
    const grace = this.#timers.after(graceMs, () => {
      for (const connection of this.#connections) connection.destroy();
    });
    for (const connection of this.#connections) connection.shutdown(Math.min(QUIET_MS, graceMs));
    await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    grace.cancel();
  }

  #listen(listener: ListenerConfig): Promise<Listener> {
    const { log, ownsFiles = true } = this.#options;
    const address = parseListen(listener.listen);
    return Listener.open({
      address,
      file: listener,
      ownsFile: ownsFiles,
      log,
      onConnection: (socket) => this.#accept(socket, listener, formatListen(address)),
    });
  }

  #accept(socket: Socket, listener: ListenerConfig, shown: string): void {
    const { config, log } = this.#options;
    if (this.#connections.size >= config.limits.sessions) {
      this.#refused += 1;
      if (!this.#isFull) {
        log.warn(
          { listener: shown, limit: 'limits.sessions', sessions: config.limits.sessions },
          'turning MTA connections away: too many are open',
        );
      }
      this.#isFull = true;
      socket.destroy();
      return;
    }
    this.#isFull = false;
    this.#accepted += 1;
    const connection: Connection = new Connection({
      socket,
      engine: this.#engine,
      scope: scopeOf(listener, this.#engine),
      limits: config.limits,
      log,
      timers: this.#timers,
      listener: shown,
      onEnd: () => {
        this.#connections.delete(connection);
        if (this.#connections.size > 0) return;
        for (const resolve of this.#whenEmpty.splice(0)) resolve();
      },
    });
    this.#connections.add(connection);
  }
}

/** The filters of a listener, as indexes; throws {@link UnknownFilterError}. */
export function scopeOf(listener: ListenerConfig, engine: Engine): readonly number[] {
  const names = engine.filters.map(({ name }) => name);
  if (listener.filters === undefined) return names.map((_, index) => index);
  return listener.filters.map((name) => {
    const index = names.indexOf(name);
    if (index < 0) throw new UnknownFilterError(listener.listen, name, names);
    return index;
  });
}
