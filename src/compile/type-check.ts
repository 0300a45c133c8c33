/** The types of filters, checked by TypeScript itself with what `postern` exports. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportsOf, type FilterExport, problemAt } from './exports.ts';
import { type Problem, shownFile } from './problem.ts';

const POSTERN_TYPES = join(dirname(fileURLToPath(import.meta.url)), '..', 'index.ts');

/** As strict as is helpful, but a filter without any types is fine. */
const OPTIONS = {
  strict: true,
  noImplicitAny: false,
  noEmit: true,
  target: 'es2024',
  lib: ['es2024'],
  module: 'preserve',
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  allowJs: true,
  skipLibCheck: true,
  types: [],
};

/** What a filter finds beside JavaScript's own globals (src/runner/guest/globals.ts). */
const GLOBALS = `
declare const console: Record<
  'debug' | 'log' | 'info' | 'warn' | 'error',
  (...values: unknown[]) => void
>;
declare class TextEncoder { readonly encoding: string; encode(text?: string): Uint8Array; }
declare class TextDecoder {
  constructor(label?: string);
  readonly encoding: string;
  decode(bytes?: Uint8Array | ArrayBuffer): string;
}
`;

/** `file(line,column): error TS1234: text` */
const DIAGNOSTIC = /^(.+?)\((\d+),(\d+)\): error TS\d+: (.*)$/;

interface Checked {
  readonly path: string;
  readonly exports: readonly FilterExport[];
  /** A generated file that holds each handler against its type, one a line. */
  readonly proof: string;
}

/** What is wrong with the types of these filters, which have to compile. */
export async function typeCheck(paths: readonly string[]): Promise<readonly Problem[]> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-check-'));
  try {
    const checked = await Promise.all(
      paths.map(async (path, index): Promise<Checked> => {
        const exports = await exportsOf(path);
        const proof = join(folder, `proof${index}.ts`);
        writeFileSync(proof, proofOf(resolve(path), exports));
        return { path: resolve(path), exports, proof };
      }),
    );
    const project = join(folder, 'tsconfig.json');
    const globals = join(folder, 'globals.d.ts');
    writeFileSync(globals, GLOBALS);
    const files = [globals, ...checked.flatMap(({ path, proof }) => [path, proof])];
    const compilerOptions = { ...OPTIONS, paths: { postern: [POSTERN_TYPES] } };
    writeFileSync(project, JSON.stringify({ compilerOptions, files }));
    const output = await runTsc(project, folder);
    return output.split('\n').flatMap((line) => problemOf(line, folder, checked) ?? []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One statement a line, in the order of the exports: line n is about export n. */
function proofOf(path: string, exports: readonly FilterExport[]): string {
  const from = JSON.stringify(path);
  const lines = exports.map(
    ({ name }, index) =>
      `import { ${name} as e${index} } from ${from}; e${index} satisfies Known<'${name}'>;`,
  );
  const known = `type Known<N extends string> = N extends keyof import('postern').FilterHandlers ? import('postern').FilterHandlers[N] : unknown;`;
  return `${lines.join('\n')}\n${known}\n`;
}

function runTsc(project: string, cwd: string): Promise<string> {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const args = [join(typescript, 'bin', 'tsc'), '-p', project, '--pretty', 'false'];
  return new Promise((done, failed) => {
    execFile(process.execPath, args, { cwd }, (error, stdout, stderr) => {
      // tsc's exit code is 1 or 2 when it found something; without a diagnostic it did not run.
      if (error && !DIAGNOSTIC.test(stdout.split('\n')[0] ?? '')) {
        failed(
          new Error(`TypeScript could not check the filters: ${stderr || stdout || error.message}`),
        );
      } else done(stdout);
    });
  });
}

function problemOf(line: string, folder: string, checked: readonly Checked[]): Problem | undefined {
  const diagnostic = DIAGNOSTIC.exec(line);
  if (!diagnostic) return undefined;
  const [, file, at, column, text] = diagnostic;
  const absolute = resolve(folder, file!);
  const proven = checked.find(({ proof }) => proof === absolute);
  const exported = proven?.exports[Number(at) - 1];
  if (proven && exported) return problemAt(proven.path, exported, `${exported.name}: ${text}`);
  return { file: shownFile(absolute), line: Number(at), column: Number(column), text: text! };
}
