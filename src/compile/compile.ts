/** Filters from source to one script each: TypeScript, relative imports and packages bundled. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type BuildFailure, build } from 'esbuild';
import { problemOf } from './build-problem.ts';
import { POSTERN_PARAMETER, posternModule } from './postern-module.ts';
import { CompileError, shownFile } from './problem.ts';

export { CompileError } from './problem.ts';

export interface CompiledFilter {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** A script whose completion value is a function that takes the guest library and returns the exports. */
  readonly code: string;
  /** Its source map as JSON, with the sources. */
  readonly map: string;
}

/** Compiles the filter in this file; rejects with {@link CompileError}. */
export async function compileFilter(path: string, name: string): Promise<CompiledFilter> {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new CompileError([
      { file: shownFile(absolute), line: 1, column: 1, text: 'there is no such file' },
    ]);
  }
  try {
    const { outputFiles } = await build({
      entryPoints: [absolute],
      bundle: true,
      write: false,
      outfile: `${name}.js`,
      format: 'iife',
      globalName: '__filter',
      // One line before and one after: only the positions of lines move, and the source map knows.
      // Modules are strict by themselves; a script has to say so.
      banner: { js: `((${POSTERN_PARAMETER}) => { 'use strict';` },
      footer: { js: 'return __filter; })' },
      sourcemap: 'external',
      sourcesContent: true,
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['import', 'default'],
      target: 'es2024',
      keepNames: false,
      logLevel: 'silent',
      // A tsconfig.json that lies near by is about another project.
      tsconfigRaw: {},
      // The one thing that packages ask of a process that is not there.
      define: { 'process.env.NODE_ENV': '"production"' },
      plugins: [posternModule],
    });
    const text = (end: string) => outputFiles.find((file) => file.path.endsWith(end))!.text;
    return { name, path: absolute, code: text('.js'), map: text('.js.map') };
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    throw new CompileError(error.errors.map(problemOf));
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error;
}
