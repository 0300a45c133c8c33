/** An engine for a configuration, with its stores and capabilities. */

import { Capabilities } from '../capabilities/capabilities.ts';
import { SourcePositions } from '../compile/source-map.ts';
import type { Config } from '../config/config.ts';
import type { FilterDescription } from '../engine/contract.ts';
import { type EndedEvent, RunnerEngine } from '../engine/engine.ts';
import type { LoadableFilter } from '../engine/filter-set.ts';
import type { Logger } from '../engine/logger.ts';
import type { Stores } from '../kv/stores.ts';
import { LOGIN_PHASES } from '../policy/phases.ts';
import { Metrics } from '../status/metrics.ts';
import type { CompiledScript } from './messages.ts';
import { openStores } from './open-stores.ts';

export interface OpenEngineOptions {
  readonly config: Config;
  readonly guest: string;
  readonly filters: readonly CompiledScript[];
  readonly log: Logger;
  /** For titles and ids. */
  readonly worker: string;
  readonly onEvent?: (event: EndedEvent) => void;
}

/** An engine and what it stands on. */
export interface OpenedEngine {
  readonly engine: RunnerEngine;
  readonly stores: Stores;
  readonly metrics: Metrics;
  /** Ends the filters, then what they asked for, then the stores. */
  close(): Promise<void>;
}

/** Redirections that one fetch follows. */
const REDIRECTS = 5;

/** Answers of the DNS that a worker keeps. */
const DNS_CACHE_ENTRIES = 10_000;

/** Opens the stores and loads the filters; rejects with what is wrong with either. */
export async function openEngine(options: OpenEngineOptions): Promise<OpenedEngine> {
  const { config, guest, filters, log, worker, onEvent } = options;
  const metrics = new Metrics();
  const stores = await openStores(config, log, metrics);
  const { limits, dns } = config;
  const capabilities = new Capabilities({
    stores,
    log,
    counters: metrics,
    dns: { ...dns, cacheEntries: DNS_CACHE_ENTRIES },
    http: { bytes: limits.httpBytes, timeoutMs: limits.httpMs, redirects: REDIRECTS },
    authenticateMs: limits.authenticateMs,
  });
  try {
    const engine = await RunnerEngine.start({
      filters: loadable(config, filters),
      guest,
      capabilities,
      logger: log,
      worker,
      limits,
      ...(onEvent && { onEvent }),
    });
    warnOfIdlePhases(engine.filters, config, log);
    const close = async () => {
      await engine.close();
      await capabilities.close();
      await stores.close();
    };
    return { engine, stores, metrics, close };
  } catch (error) {
    await capabilities.close();
    await stores.close();
    throw error;
  }
}

/** A filter may export phases that nobody calls. */
function warnOfIdlePhases(
  filters: readonly FilterDescription[],
  { auth }: Config,
  log: Logger,
): void {
  const isAsked = auth.policy.length > 0;
  for (const { name, phases } of filters) {
    const idle = LOGIN_PHASES.filter((phase) => phases.has(phase) && phase !== 'access');
    if (idle.length > 0)
      log.warn({ filter: name }, `this version does not call ${idle.join(', ')} yet`);
    if (phases.has('access') && !isAsked)
      log.warn(
        { filter: name },
        'nobody calls access: the configuration has no auth.policy.listen',
      );
  }
}

/** Compiled filters with what the configuration says about them. */
function loadable(config: Config, scripts: readonly CompiledScript[]): LoadableFilter[] {
  return scripts.map(({ name, path, code, map }, index) => {
    const { settings, overrides } = config.filters[index]!;
    return { name, path, code, settings, overrides, positions: new SourcePositions(map) };
  });
}
