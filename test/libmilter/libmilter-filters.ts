/** Plans as filters on Debian's libmilter: one C program, one process for each plan. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RunningProcess, startProcess } from '../harness/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';
import type { RunningFilters, Session } from './filters.ts';
import { MtaConnection } from './mta-connection.ts';
import type { Plan } from './plan.ts';
import { planLines } from './plan-lines.ts';

const ROOT = join(__dirname, '..', '..');
const SOURCES = join(ROOT, 'fixtures', 'libmilter');
const CACHE = join(ROOT, 'node_modules', '.cache', 'libmilter');
const FLAGS = ['-std=gnu11', '-O1'];
const LIBRARIES = ['-lmilter', '-lpthread'];
const START_MS = 20_000;

export class LibmilterFilters implements RunningFilters {
  readonly #names: readonly string[];
  readonly #folder: TemporaryDirectory;
  readonly #process: RunningProcess;
  #marks = 0;

  private constructor(
    names: readonly string[],
    folder: TemporaryDirectory,
    process: RunningProcess,
  ) {
    this.#names = names;
    this.#folder = folder;
    this.#process = process;
  }

  static async start(plans: Readonly<Record<string, Plan>>): Promise<LibmilterFilters> {
    const command = await compiled();
    const folder = await temporaryDirectory('libmilter-');
    const names = Object.keys(plans);
    const file = join(folder.path, 'plans.txt');
    const lines = names.map((name, index) => planLines(plans[name]!, socketPath(folder, index)));
    await writeFile(file, lines.join(''));
    const running = await startProcess({ command, args: [file] });
    const filters = new LibmilterFilters(names, folder, running);
    try {
      for (const index of names.keys()) {
        await running.waitForLine((line) => line === `listening ${index}`, {
          timeoutMs: START_MS,
        });
      }
    } catch (error) {
      await filters.stop();
      throw error;
    }
    return filters;
  }

  async open(name: string): Promise<Session> {
    const index = this.#names.indexOf(name);
    const after = this.#process.lines.length;
    const mta = await MtaConnection.open(socketPath(this.#folder, index));
    return {
      mta,
      journal: async () => {
        await this.#mark();
        const prefix = `${index} `;
        return this.#process.lines
          .slice(after)
          .filter((line) => line.startsWith(prefix))
          .map((line) => line.slice(prefix.length));
      },
    };
  }

  async stop(): Promise<void> {
    await this.#process.stop('SIGKILL');
    await this.#folder.remove();
  }

  /** Returns when everything has arrived that filters have written until now. */
  async #mark(): Promise<void> {
    const line = `mark ${this.#marks++}`;
    process.kill(this.#process.pid, 'SIGUSR1');
    await this.#process.waitForLine((each) => each === line);
  }
}

const socketPath = (folder: TemporaryDirectory, index: number) =>
  join(folder.path, `${index}.sock`);

/** Compiles the program, unless a test of this or an earlier run has done so with these sources. */
async function compiled(): Promise<string> {
  const files = readdirSync(SOURCES).filter((file) => /\.[ch]$/.test(file));
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, process.arch]));
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(SOURCES, file)));
  await mkdir(CACHE, { recursive: true });
  const program = join(CACHE, `planned-filter-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  const sources = files.filter((file) => file.endsWith('.c')).map((file) => join(SOURCES, file));
  // Test files run at the same time: each builds its own, and the last one stays.
  const own = `${program}.${process.pid}`;
  await promisify(execFile)('cc', [...FLAGS, '-o', own, ...sources, ...LIBRARIES]);
  await rename(own, program);
  return program;
}
