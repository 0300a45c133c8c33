/**
 * What filters may ask for, performed in the worker. Requests come out of a sandbox: their
 * arguments are checked here, whatever the guest library made of them before.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Store } from '../kv/store.ts';
import { CapabilityFailure } from './failure.ts';
import { performKv } from './kv.ts';

/** On whose behalf a request is performed. */
export interface CapabilityContext {
  /** The namespace of the filter's keys. */
  readonly namespace: string;
  /** The raw body of the session's message so far; none outside of a session. */
  readonly body: (() => Uint8Array) | undefined;
  /** Tells the MTA that the end of the message takes a while. */
  readonly progress: (() => void) | undefined;
  /** Aborted when the handler that asked is over. */
  readonly signal: AbortSignal;
}

/** Longer sleeps are cut by the filter's wall limit anyway. */
const MAX_SLEEP_MS = 24 * 60 * 60 * 1000;

const SleepArguments = z.tuple([z.number().min(0)]);

export class Capabilities {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The answer: a JSON value or bytes. Rejects with {@link CapabilityFailure}, or an error that has a `code`. */
  async perform(
    operation: string,
    args: readonly unknown[],
    context: CapabilityContext,
  ): Promise<unknown> {
    if (operation.startsWith('kv.'))
      return performKv(this.#store, operation.slice(3), args, context.namespace);
    switch (operation) {
      case 'sleep': {
        const parsed = SleepArguments.safeParse(args);
        if (!parsed.success)
          throw new CapabilityFailure('ERR_ARGUMENT', 'sleep: expected milliseconds');
        await delay(Math.min(parsed.data[0], MAX_SLEEP_MS), undefined, { signal: context.signal });
        return null;
      }
      case 'body':
        if (!context.body)
          throw new CapabilityFailure('ERR_NO_MESSAGE', 'body: there is no message here');
        return context.body();
      case 'progress':
        context.progress?.();
        return null;
      default:
        throw new CapabilityFailure(
          'ERR_UNKNOWN_CAPABILITY',
          `there is no capability ${JSON.stringify(operation.slice(0, 40))}`,
        );
    }
  }
}
