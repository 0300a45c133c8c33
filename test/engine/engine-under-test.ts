/** A real engine with real runner processes, for filters that a test writes as text. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Capabilities } from '../../src/capabilities/capabilities.ts';
import { SourcePositions } from '../../src/compile/source-map.ts';
import type { FilterOverrides } from '../../src/config/filter-overrides.ts';
import type { JsonObject } from '../../src/config/json.ts';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import type { EngineSession, SessionHost } from '../../src/engine/contract.ts';
import { type EngineLimits, RunnerEngine } from '../../src/engine/engine.ts';
import type { Logger } from '../../src/engine/logger.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import type { Store } from '../../src/kv/store.ts';
import { Stores } from '../../src/kv/stores.ts';
import { compileAll } from '../../src/server/compile-all.ts';

export interface FilterSource {
  readonly name: string;
  readonly source: string;
  readonly overrides?: FilterOverrides;
  readonly settings?: JsonObject;
}

export interface LoggedLine {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** What the filters find beside the default store in memory. */
export interface Surroundings {
  /** By name; `default` takes the place of the one in memory. */
  readonly stores?: Readonly<Record<string, Store>>;
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** The DNS server to ask. */
  readonly dnsServer?: string;
}

/** What `metrics.count` was called with. */
export type Counted = readonly [
  filter: string,
  name: string,
  by: number,
  labels: Readonly<Record<string, string>>,
];

export class EngineUnderTest {
  readonly engine: RunnerEngine;
  readonly logged: LoggedLine[];
  readonly counted: Counted[];
  readonly store: MemoryStore;
  readonly #folder: string;
  readonly #watching = new Set<() => void>();

  private constructor(
    engine: RunnerEngine,
    logged: LoggedLine[],
    counted: Counted[],
    store: MemoryStore,
    folder: string,
  ) {
    this.engine = engine;
    this.logged = logged;
    this.counted = counted;
    this.store = store;
    this.#folder = folder;
  }

  static async start(
    filters: readonly FilterSource[],
    limits: Partial<EngineLimits> = {},
    { stores = {}, groups, dnsServer }: Surroundings = {},
  ): Promise<EngineUnderTest> {
    const folder = mkdtempSync(join(tmpdir(), 'postern-engine-'));
    mkdirSync(folder, { recursive: true });
    const configured = filters.map(({ name, source, settings = {}, overrides = {} }) => {
      const path = join(folder, `${name}.ts`);
      writeFileSync(path, source);
      return { name, path, settings, overrides };
    });
    const { guest, filters: scripts } = await compileAll(configured);
    const logged: LoggedLine[] = [];
    const counted: Counted[] = [];
    const store = new MemoryStore();
    let watching: ReadonlySet<() => void> = new Set();
    const at = (level: keyof Logger) => (fields: object, text: string) => {
      logged.push({ level, fields: fields as Record<string, unknown>, text });
      for (const watcher of watching) watcher();
    };
    const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    try {
      const engine = await RunnerEngine.start({
        filters: scripts.map((script, index) => ({
          ...script,
          settings: configured[index]!.settings,
          overrides: configured[index]!.overrides,
          positions: new SourcePositions(script.map),
        })),
        guest,
        capabilities: new Capabilities({
          stores: new Stores(new Map(Object.entries({ default: store, ...stores })), groups),
          log: logger,
          counters: { count: (...count) => counted.push(count) },
          dns: {
            timeoutMs: 1000,
            tries: 1,
            cacheEntries: 100,
            ...(dnsServer !== undefined && { servers: [dnsServer] }),
          },
          http: { bytes: 1024 ** 2, timeoutMs: 5000, redirects: 5 },
          authenticateMs: 5000,
        }),
        logger,
        worker: 'test',
        limits: {
          runners: 1,
          runnerMemoryBytes: 400 * 1024 ** 2,
          loadMs: 5000,
          delayMs: 25_000,
          stateBytes: 64 * 1024,
          modifications: 1000,
          calls: 1000,
          logLines: 1_000_000,
          parse: DEFAULT_LIMITS.parse,
          ...limits,
        },
      });
      const under = new EngineUnderTest(engine, logged, counted, store, folder);
      watching = under.#watching;
      return under;
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /** Opens a session that has connected, with all filters. */
  open(host: Partial<SessionHost> = {}): EngineSession {
    const scope = this.engine.filters.map((_, index) => index);
    const session = this.engine.open(scope, {
      body: () => Buffer.alloc(0),
      progress: () => {},
      queueId: () => undefined,
      ...host,
    });
    session.learn({
      f: 'connect',
      hostname: 'client.example.org',
      family: 'inet',
      address: '192.0.2.7',
      port: 25_025,
    });
    return session;
  }

  /** The next line, or one that was logged already, that fits. */
  async logs(fits: (line: LoggedLine) => boolean): Promise<LoggedLine> {
    for (;;) {
      const found = this.logged.find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watching.delete(watcher);
          resolve();
        };
        this.#watching.add(watcher);
      });
    }
  }

  /** The lines of filters' own `log`. */
  get said(): string[] {
    return this.logged
      .filter(({ fields }) => 'filter' in fields && !('verdict' in fields) && !('why' in fields))
      .map(({ text }) => text);
  }

  async stop(): Promise<void> {
    await this.engine.close();
    rmSync(this.#folder, { recursive: true });
  }
}
