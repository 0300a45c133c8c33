/** An engine for a configuration, with its store. */

import { Capabilities } from '../capabilities/capabilities.ts';
import { SourcePositions } from '../compile/source-map.ts';
import type { Config } from '../config/config.ts';
import { type EndedEvent, RunnerEngine } from '../engine/engine.ts';
import type { LoadableFilter } from '../engine/filter-set.ts';
import type { Logger } from '../engine/logger.ts';
import { openStore } from '../kv/open.ts';
import type { Store } from '../kv/store.ts';
import type { CompiledScript } from './messages.ts';

export interface OpenEngineOptions {
  readonly config: Config;
  readonly guest: string;
  readonly filters: readonly CompiledScript[];
  readonly log: Logger;
  /** For titles and ids. */
  readonly worker: string;
  readonly onEvent?: (event: EndedEvent) => void;
}

/** Opens the store and loads the filters; rejects with what is wrong with either. */
export async function openEngine(
  options: OpenEngineOptions,
): Promise<{ engine: RunnerEngine; store: Store }> {
  const { config, guest, filters, log, worker, onEvent } = options;
  const store = await openStore(config.kv.default, { cwd: config.folder });
  try {
    const engine = await RunnerEngine.start({
      filters: loadable(config, filters),
      guest,
      capabilities: new Capabilities(store),
      logger: log,
      worker,
      limits: config.limits,
      ...(onEvent && { onEvent }),
    });
    return { engine, store };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Compiled filters with what the configuration says about them. */
function loadable(config: Config, scripts: readonly CompiledScript[]): LoadableFilter[] {
  return scripts.map(({ name, path, code, map }, index) => {
    const { settings, overrides } = config.filters[index]!;
    return { name, path, code, settings, overrides, positions: new SourcePositions(map) };
  });
}
