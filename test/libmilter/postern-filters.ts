/** Plans as filters in Postern: a real engine with runner processes, one listener for each plan. */

import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { MilterServer } from '../../src/milter/server.ts';
import { EngineUnderTest } from '../engine/engine-under-test.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';
import type { RunningFilters, Session } from './filters.ts';
import { MtaConnection } from './mta-connection.ts';
import { PLAN_PHASES, type Plan } from './plan.ts';
import { planSource } from './plan-source.ts';
import { WatchedEngine } from './watched-engine.ts';

export class PosternFilters implements RunningFilters {
  readonly #names: readonly string[];
  readonly #folder: TemporaryDirectory;
  readonly #under: EngineUnderTest;
  readonly #engine: WatchedEngine;
  readonly #server: MilterServer;

  private constructor(
    names: readonly string[],
    folder: TemporaryDirectory,
    under: EngineUnderTest,
    engine: WatchedEngine,
    server: MilterServer,
  ) {
    this.#names = names;
    this.#folder = folder;
    this.#under = under;
    this.#engine = engine;
    this.#server = server;
  }

  static async start(plans: Readonly<Record<string, Plan>>): Promise<PosternFilters> {
    const names = Object.keys(plans);
    const folder = await temporaryDirectory('postern-');
    const under = await EngineUnderTest.start(
      names.map((name, index) => ({ name: filterName(index), source: planSource(plans[name]!) })),
    );
    const engine = new WatchedEngine(under.engine);
    const listeners = names.map((_, index) => ({
      listen: `unix:${socketPath(folder, index)}`,
      filters: [filterName(index)],
    }));
    const server = await MilterServer.open({
      config: { milter: { listeners }, limits: DEFAULT_LIMITS },
      engine,
      log: { info() {}, warn() {}, error() {} },
    });
    return new PosternFilters(names, folder, under, engine, server);
  }

  async open(name: string): Promise<Session> {
    const index = this.#names.indexOf(name);
    const after = this.#under.logged.length;
    const mta = await MtaConnection.open(socketPath(this.#folder, index));
    return {
      mta,
      journal: async () => {
        const own = await this.#engine.settled(index);
        return this.#under.logged
          .slice(after)
          .filter(({ fields }) => fields.filter === filterName(index) && fields.session !== own)
          .map(({ text }) => text)
          .filter(isJournal);
      },
    };
  }

  async stop(): Promise<void> {
    await this.#server.close({ graceMs: 0 });
    await this.#under.stop();
    await this.#folder.remove();
  }
}

const filterName = (index: number) => `plan-${index}`;

const socketPath = (folder: TemporaryDirectory, index: number) =>
  join(folder.path, `${index}.sock`);

/** What the filter itself recorded, and not what the engine has to say about it. */
const isJournal = (text: string) =>
  (PLAN_PHASES as readonly string[]).includes(text.split(' ', 1)[0]!);
