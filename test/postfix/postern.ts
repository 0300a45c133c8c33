/** A Postern of one's own: each filter behind a listener of its own. */

import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../harness/ports.ts';
import { groupMembers } from '../harness/process-group.ts';
import { type RunningProcess, startProcess } from '../harness/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';
import { pollFor } from '../harness/waiting.ts';
import { processTitle } from './process-facts.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');
const POSTERN = join(ROOT, 'bin', 'postern.js');

export interface PosternOptions<Filter extends string> {
  /** Source texts. */
  readonly filters: Readonly<Record<Filter, string>>;
  readonly workers?: number;
  /** `limits` of the configuration. */
  readonly limits?: Readonly<Record<string, unknown>>;
}

/** A line of Postern's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export class Postern<Filter extends string> {
  /** Where each filter listens, in Postfix's spelling. */
  readonly milters: Readonly<Record<Filter, string>>;
  readonly #folder: TemporaryDirectory;
  #process: RunningProcess | undefined;

  private constructor(folder: TemporaryDirectory, milters: Readonly<Record<Filter, string>>) {
    this.#folder = folder;
    this.milters = milters;
  }

  static async start<Filter extends string>(
    options: PosternOptions<Filter>,
  ): Promise<Postern<Filter>> {
    const folder = await temporaryDirectory('postern-postfix-test-');
    try {
      const postern = new Postern(folder, await writeConfig(folder.path, options));
      await postern.start();
      return postern;
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  /** Starts it again after {@link down}. */
  async start(): Promise<void> {
    this.#process = await startProcess({
      command: NODE,
      args: [POSTERN, 'serve', '-c', join(this.#folder.path, 'postern.config.ts')],
      cwd: this.#folder.path,
      ready: (line) => parseLine(line)?.msg === 'ready',
      readyTimeoutMs: 30_000,
    });
  }

  /** Ends it as a crash does, and leaves its configuration for the next start. */
  async down(): Promise<void> {
    await this.#running.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    await this.#folder.remove();
  }

  /** Waits until it takes connections, as it does again a moment after its last worker died. */
  async accepting(): Promise<void> {
    for (const milter of Object.values<string>(this.milters)) {
      const port = Number(milter.split(':').at(-1));
      await pollFor(async () => (await accepts(port)) || undefined, {
        timeoutMs: 10_000,
        failure: () => `nobody listens at ${milter}`,
      });
    }
  }

  /** What it logged, as far as it is JSON. */
  get log(): readonly LogLine[] {
    return this.#running.lines.flatMap((line) => parseLine(line) ?? []);
  }

  /** How many lines it has logged, for `after` in {@link waitForLog}. */
  get logLength(): number {
    return this.#running.lines.length;
  }

  /** A line of the log that fits, also one that was there before. */
  async waitForLog(fits: (line: LogLine) => boolean, after = 0): Promise<LogLine> {
    const found = await this.#running.waitForLine(
      (line) => {
        const parsed = parseLine(line);
        return parsed !== undefined && fits(parsed);
      },
      { after },
    );
    return parseLine(found)!;
  }

  /** The fields that a filter logged beside this text. */
  async logged(text: string, after = 0): Promise<Readonly<Record<string, unknown>>> {
    const { fields } = await this.waitForLog(({ msg }) => msg === text, after);
    return fields as Record<string, unknown>;
  }

  /** Its living processes whose title begins so: `postern worker`, `postern runner`. */
  pids(title: string): readonly number[] {
    return groupMembers(this.#running.pid).filter((pid) => processTitle(pid).startsWith(title));
  }

  get #running(): RunningProcess {
    if (!this.#process) throw new Error('Postern was not started');
    return this.#process;
  }
}

/** Writes filters and configuration; gives the listener of each filter. */
async function writeConfig<Filter extends string>(
  folder: string,
  { filters, workers = 1, limits = {} }: PosternOptions<Filter>,
): Promise<Readonly<Record<Filter, string>>> {
  await mkdir(join(folder, 'filters'));
  const names = Object.keys(filters) as Filter[];
  const ports = await freePorts(names.length);
  for (const name of names) await writeFile(join(folder, 'filters', `${name}.ts`), filters[name]);
  const milters = Object.fromEntries(
    names.map((name, index) => [name, `inet:127.0.0.1:${ports[index]}`]),
  ) as Record<Filter, string>;
  const config = {
    milter: { listen: names.map((name) => ({ listen: milters[name], filters: [name] })) },
    filters: names.map((name) => ({ path: `filters/${name}.ts`, name })),
    kv: { default: 'lmdb:./data' },
    workers,
    limits,
  };
  await writeFile(
    join(folder, 'postern.config.ts'),
    `import { defineConfig } from 'postern';\nexport default defineConfig(${JSON.stringify(config)});\n`,
  );
  return milters;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
