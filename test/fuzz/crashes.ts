/** Inputs that failed once, as files of fixtures/fuzz: `TARGET-NAME.json`. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Crash } from './target.ts';

export interface KeptCrash extends Crash {
  readonly file: string;
}

export function readCrashes(folder: string): readonly KeptCrash[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => {
    const crash = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Crash;
    return { ...crash, file };
  });
}

/** Gives the name of the file. */
export function keepCrash(folder: string, crash: Crash): string {
  const input = JSON.stringify(crash.input);
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 10);
  const file = `${crash.target}-${hash}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), `${JSON.stringify(crash, undefined, 2)}\n`);
  return file;
}
