/** The stores of a configuration, with what the log and the metrics say about them. */

import type { Config } from '../config/config.ts';
import type { Logger } from '../engine/logger.ts';
import { Stores } from '../kv/stores.ts';
import type { StoreObserver } from '../kv/watched-store.ts';
import type { Metrics } from '../status/metrics.ts';

/** A store that fails now and then, again and again, is said once in this time. */
const QUIET_MS = 10_000;

export async function openStores(
  { kv, folder, limits }: Config,
  log: Logger,
  metrics: Metrics,
): Promise<Stores> {
  const stores = await Stores.open(kv, {
    cwd: folder,
    budgetMs: limits.kvMs,
    observe: (name, title) => observer(name, title, log, metrics),
  });
  // Nobody waits for it: it is about the long run.
  stores.advice().then((advice) => {
    for (const [store, sentences] of advice)
      for (const sentence of sentences) log.warn({ store }, `the store ${store}: ${sentence}`);
  });
  return stores;
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
