/** What a worker process consists of: stores, an engine with its runners, and the servers that ask it. */

import type { Logger } from 'pino';
import { FilterLoadError } from '../engine/filter-set.ts';
import { formatListen } from '../milter/address.ts';
import { MilterServer, UnknownFilterError } from '../milter/server.ts';
import type { ToWorker } from './messages.ts';
import { type OpenedEngine, openEngine } from './open-engine.ts';
import { PolicyListeners } from './policy-listeners.ts';

/** Messages that are under way get this long to finish after SIGTERM. */
const GRACE_MS = 20_000;

export class Worker {
  readonly #opened: OpenedEngine;
  readonly #server: MilterServer;
  readonly #policy: PolicyListeners;

  private constructor(opened: OpenedEngine, server: MilterServer, policy: PolicyListeners) {
    this.#opened = opened;
    this.#server = server;
    this.#policy = policy;
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
      const policy = await PolicyListeners.open({ config, engine, log });
      try {
        const server = await MilterServer.open({ config, engine, log, ownsFiles: false });
        return new Worker(opened, server, policy);
      } catch (error) {
        await policy.close({ graceMs: 0 });
        throw error;
      }
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  get listening(): readonly string[] {
    return this.#server.addresses.map(formatListen);
  }

  /** Where Postfix's policy clients connect. */
  get policy(): readonly string[] {
    return this.#policy.listening;
  }

  /** Finishes the messages that are under way, runs `exit`, and closes everything. */
  async drain(): Promise<void> {
    await Promise.all([
      this.#server.close({ graceMs: GRACE_MS }),
      this.#policy.close({ graceMs: GRACE_MS }),
    ]);
    await this.#opened.close();
  }
}

/** Whether the error is about what somebody wrote, not about the machine. */
export function isInputError(error: unknown): boolean {
  return error instanceof FilterLoadError || error instanceof UnknownFilterError;
}
