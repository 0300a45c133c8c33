/** What a filter exports, and where, for messages that name it. */

import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { posternModule } from './postern-module.ts';
import { type Problem, shownFile } from './problem.ts';

export interface FilterExport {
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** The values that a filter exports; it has to be one that compiles. Types are not among them. */
export async function exportsOf(path: string): Promise<readonly FilterExport[]> {
  const { metafile } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    outfile: 'filter.js',
    logLevel: 'silent',
    tsconfigRaw: {},
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [posternModule],
  });
  const source = readFileSync(path, 'utf8');
  const names = Object.values(metafile.outputs).flatMap((output) => output.exports);
  return names.map((name) => ({ name, ...(exportPosition(name, source) ?? BEGINNING) }));
}

/** A problem at the place where this name is exported. */
export function problemAt(path: string, place: FilterExport, text: string): Problem {
  return { file: shownFile(path), line: place.line, column: place.column, text };
}

const BEGINNING = { line: 1, column: 1 };

/**
 * Where a name is exported: a light scan of the text, since esbuild does not tell. Finds
 * declarations and lists, not `export * from`.
 */
export function exportPosition(
  name: string,
  source: string,
): { line: number; column: number } | undefined {
  const escaped = name.replace(/[$]/g, '\\$&');
  const declaration = `export\\s+(?:default\\s+)?(?:async\\s+)?(?:function\\s*\\*?|const|let|var|class)\\s+(${escaped})(?![\\w$])`;
  const found =
    // At the start of a line first: elsewhere it may be in a comment.
    new RegExp(`^[ \\t]*${declaration}`, 'dm').exec(source) ??
    new RegExp(declaration, 'd').exec(source) ??
    new RegExp(`export\\s*\\{[^}]*?(?<![\\w$])(${escaped})\\s*[,}]`, 'd').exec(source) ??
    new RegExp(`export\\s+(?:const|let|var)\\s[^;]*?,\\s*(${escaped})\\s*[=:]`, 'd').exec(source);
  const at = found?.indices?.[1]?.[0];
  if (at === undefined) return undefined;
  const before = source.slice(0, at).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
