/** Filters from source to one script each: TypeScript, relative imports and packages bundled. */

import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { resolve } from 'node:path';
import { type BuildFailure, build, type Message, type Plugin } from 'esbuild';
import { POSTERN_PARAMETER, posternModule } from './postern-module.ts';
import { CompileError, type Problem, shownFile } from './problem.ts';

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

/** Node's own modules do not exist in an isolate. */
const noBuiltins: Plugin = {
  name: 'no-builtins',
  setup(plugin) {
    plugin.onResolve({ filter: /.*/ }, ({ path }) =>
      isBuiltin(path)
        ? {
            errors: [
              {
                text: `filters have no access to "${path}": they may use what "postern" exports, and packages that need no Node module`,
              },
            ],
          }
        : undefined,
    );
  },
};

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
      banner: { js: `((${POSTERN_PARAMETER}) => {` },
      footer: { js: 'return __filter; })' },
      sourcemap: 'external',
      sourcesContent: true,
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['import', 'default'],
      target: 'es2024',
      keepNames: false,
      logLevel: 'silent',
      tsconfigRaw: {},
      plugins: [posternModule, noBuiltins],
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

function problemOf({ location, text, notes }: Message): Problem {
  const hint = notes.map((note) => note.text).filter((note) => note.length < 200)[0];
  return {
    file: shownFile(location ? resolve(location.file) : ''),
    line: location?.line ?? 1,
    column: (location?.column ?? 0) + 1,
    text: hint === undefined ? text : `${text} (${hint})`,
  };
}
