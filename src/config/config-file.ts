/** Runs a configuration file, which is TypeScript, and hands back what it exports. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { bundleConfig } from './config-bundle.ts';
import { ConfigError } from './config-error.ts';
import type { ConfigAnswer, ConfigThreadData } from './config-thread.ts';
import { shownPath } from './shown-path.ts';

/** How long a configuration may run; it only has to compute data. */
const MAX_RUN_MS = 30_000;

/**
 * The default export of a configuration file (absolute path): plain data. Throws
 * {@link ConfigError} that names file, line and column if it does not compile or throws.
 */
export async function runConfigFile(file: string, cwd: string): Promise<unknown> {
  const shown = shownPath(file, cwd);
  const mistake = (path: string, message: string) => new ConfigError([{ path, message }], shown);
  try {
    await readFile(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw mistake(
      shown,
      `cannot read this configuration file (${reason}); check the path given with -c`,
    );
  }
  const { code, map } = await bundleConfig(file, cwd);
  const folder = await mkdtemp(join(tmpdir(), 'postern-config-'));
  const script = join(folder, 'postern.config.mjs');
  try {
    await writeFile(script, code);
    const answer = await runInThread(script);
    switch (answer.kind) {
      case 'value':
        return answer.value;
      case 'no default':
        throw mistake('', 'expected `export default defineConfig({ ... })`, got no default export');
      case 'misfit':
        throw mistake(answer.path, `expected data, got ${answer.what}`);
      case 'thrown':
        throw mistake(thrownAt(answer.stack, script, map, file, cwd), `threw ${answer.what}`);
      default:
        return answer satisfies never;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runInThread(script: string): Promise<ConfigAnswer> {
  const workerData: ConfigThreadData = { url: pathToFileURL(script).href };
  const thread = new Worker(join(import.meta.dirname, 'config-thread.ts'), { workerData });
  const failed = (what: string): ConfigAnswer => ({ kind: 'thrown', what, stack: '' });
  return new Promise<ConfigAnswer>((resolveAnswer) => {
    const limit = setTimeout(
      () => resolveAnswer(failed(`nothing, but did not end within ${MAX_RUN_MS / 1000} s`)),
      MAX_RUN_MS,
    );
    thread.once('message', resolveAnswer);
    thread.once('error', (error) => resolveAnswer(failed(String(error))));
    // process.exit() in the configuration, or an await for ever.
    thread.once('exit', () => resolveAnswer(failed('nothing, but ended before its export')));
    thread.once('exit', () => clearTimeout(limit));
  }).finally(() => thread.terminate());
}

/** `file:line:column` of the source for the topmost frame of the configuration, else its file. */
function thrownAt(stack: string, script: string, map: string, file: string, cwd: string): string {
  const frame = stack.split('\n').find((line) => line.includes(script));
  const [, line, column] = /:(\d+):(\d+)\)?$/.exec(frame ?? '') ?? [];
  if (line === undefined) return shownPath(file, cwd);
  const origin = new SourceMap(JSON.parse(map)).findOrigin(Number(line), Number(column));
  if (!('fileName' in origin)) return shownPath(file, cwd);
  const { fileName, lineNumber, columnNumber } = origin;
  const source = fileName.startsWith('file:') ? fileURLToPath(fileName) : fileName;
  return `${shownPath(resolve(dirname(file), source), cwd)}:${lineNumber}:${columnNumber}`;
}
