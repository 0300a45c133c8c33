/** The stores of a configuration, with what the log and the metrics say about them. */

import type { Config } from '../config/config.ts';
import type { Logger } from '../engine/logger.ts';
import { Stores } from '../kv/stores.ts';
import type { StoreObserver } from '../kv/watched-store.ts';
import type { Metrics } from '../status/metrics.ts';

/** A store that fails now and then, again and again, is said once in this time. */
const QUIET_MS = 10_000;

export function openStores(
  { kv, folder, limits }: Config,
  log: Logger,
  metrics: Metrics,
): Promise<Stores> {
  return Stores.open(kv, {
    cwd: folder,
    budgetMs: limits.kvMs,
    observe: (name, title) => observer(name, title, log, metrics),
  });
}

function observer(name: string, title: string, log: Logger, metrics: Metrics): StoreObserver {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let isSaid = false;
  metrics.kvUp(name, true);
  return {
    called: (outcome) => metrics.kvCalled(name, outcome),
    down(reason) {
      metrics.kvUp(name, false);
      isSaid = performance.now() - saidAtMs >= QUIET_MS;
      if (!isSaid) return;
      saidAtMs = performance.now();
      log.error(
        { store: name, reason },
        `the store ${title} does not answer: ${reason}; filters that call it get an error until it does`,
      );
    },
    up(downMs, failed) {
      metrics.kvUp(name, true);
      if (!isSaid) return;
      log.info(
        { store: name, downMs, failed },
        `the store ${title} answers again, after ${downMs} ms in which ${failed} calls failed`,
      );
    },
  };
}
