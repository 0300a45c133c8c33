/** What a worker process consists of: a store, an engine with its runners, and the milter server. */

import type { Logger } from 'pino';
import type { RunnerEngine } from '../engine/engine.ts';
import { FilterLoadError } from '../engine/filter-set.ts';
import type { Store } from '../kv/store.ts';
import { formatListen } from '../milter/address.ts';
import { MilterServer, UnknownFilterError } from '../milter/server.ts';
import type { ToWorker } from './messages.ts';
import { openEngine } from './open-engine.ts';

/** Messages that are under way get this long to finish after SIGTERM. */
const GRACE_MS = 20_000;

export class Worker {
  readonly #store: Store;
  readonly #engine: RunnerEngine;
  readonly #server: MilterServer;

  private constructor(store: Store, engine: RunnerEngine, server: MilterServer) {
    this.#store = store;
    this.#engine = engine;
    this.#server = server;
  }

  /** Serves when it resolves; rejects with what is wrong with the filters, the store or the sockets. */
  static async start(
    { index, config, guest, filters }: Extract<ToWorker, { type: 'start' }>,
    log: Logger,
  ): Promise<Worker> {
    const { engine, store } = await openEngine({
      config,
      guest,
      filters,
      log,
      worker: String(index),
    });
    try {
      const server = await MilterServer.open({ config, engine, log, ownsFiles: false });
      return new Worker(store, engine, server);
    } catch (error) {
      await engine.close();
      await store.close();
      throw error;
    }
  }

  get listening(): readonly string[] {
    return this.#server.addresses.map(formatListen);
  }

  /** Finishes the messages that are under way, runs `exit`, and closes everything. */
  async drain(): Promise<void> {
    await this.#server.close({ graceMs: GRACE_MS });
    await this.#engine.close();
    await this.#store.close();
  }
}

/** Whether the error is about what somebody wrote, not about the machine. */
export function isInputError(error: unknown): boolean {
  return error instanceof FilterLoadError || error instanceof UnknownFilterError;
}
