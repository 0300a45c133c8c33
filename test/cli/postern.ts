/** Runs the command line as people do, in a folder of files that a test writes. */

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type RunningProcess, startProcess } from '../harness/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';

const ROOT = join(__dirname, '..', '..');
export const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');
export const POSTERN = join(ROOT, 'bin', 'postern.js');

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  /** Lines that name their program, without its name. */
  readonly said: readonly string[];
}

/** A folder with these files, by their names in it. */
export async function folderWith(
  files: Readonly<Record<string, string>>,
): Promise<TemporaryDirectory> {
  const folder = await temporaryDirectory('postern-cli-');
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return folder;
}

/** Runs a command to its end. */
export function postern(cwd: string, ...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(NODE, [POSTERN, ...args], { cwd }, (error, stdout, stderr) => {
      const said = stderr.split('\n').filter((line) => line.startsWith('postern: '));
      resolve({
        code: error ? ((error.code as unknown as number) ?? null) : 0,
        stdout,
        said: said.map((line) => line.slice('postern: '.length)),
      });
    });
  });
}

/** A line of the server's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}

/** Starts `postern serve` and waits until every socket accepts. */
export function serve(cwd: string, ...args: string[]): Promise<RunningProcess> {
  return startProcess({
    command: NODE,
    args: [POSTERN, 'serve', ...args],
    cwd,
    ready: (line) => parseLine(line)?.msg === 'ready',
    readyTimeoutMs: 30_000,
  });
}

/** The first line of the server's log that fits. */
export async function logged(
  server: RunningProcess,
  fits: (line: LogLine) => boolean,
): Promise<LogLine> {
  const line = await server.waitForLine((text) => {
    const parsed = parseLine(text);
    return parsed !== undefined && fits(parsed);
  });
  return parseLine(line)!;
}
