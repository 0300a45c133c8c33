/** What a worker process consists of: a store, an engine with its runners, and the milter server. */

import type { Logger } from 'pino';
import { FilterLoadError } from '../engine/filter-set.ts';
import { formatListen } from '../milter/address.ts';
import { MilterServer, UnknownFilterError } from '../milter/server.ts';
import type { ToWorker } from './messages.ts';
import { type OpenedEngine, openEngine } from './open-engine.ts';

/** Messages that are under way get this long to finish after SIGTERM. */
const GRACE_MS = 20_000;

export class Worker {
  readonly #opened: OpenedEngine;
  readonly #server: MilterServer;

  private constructor(opened: OpenedEngine, server: MilterServer) {
    this.#opened = opened;
    this.#server = server;
  }

  /** Serves when it resolves; rejects with what is wrong with the filters, the store or the sockets. */
  static async start(
    { index, config, guest, filters }: Extract<ToWorker, { type: 'start' }>,
    log: Logger,
  ): Promise<Worker> {
    const opened = await openEngine({
      config,
      guest,
      filters,
      log,
      worker: String(index),
    });
    try {
      const { engine } = opened;
      const server = await MilterServer.open({ config, engine, log, ownsFiles: false });
      return new Worker(opened, server);
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  get listening(): readonly string[] {
    return this.#server.addresses.map(formatListen);
  }

  /** Finishes the messages that are under way, runs `exit`, and closes everything. */
  async drain(): Promise<void> {
    await this.#server.close({ graceMs: GRACE_MS });
    await this.#opened.close();
  }
}

/** Whether the error is about what somebody wrote, not about the machine. */
export function isInputError(error: unknown): boolean {
  return error instanceof FilterLoadError || error instanceof UnknownFilterError;
}
