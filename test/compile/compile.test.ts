import { runInNewContext } from 'node:vm';
import { CompileError, compileFilter } from '../../src/compile/compile.ts';
import { POSTERN_EXPORTS } from '../../src/compile/postern-module.ts';
import { type Folder, folderOf } from './filter-file.ts';

let folder: Folder;

afterEach(() => folder.remove());

/** What the compiled script exports, evaluated with a guest library of names. */
async function exported(files: Record<string, string>, entry: string) {
  folder = folderOf(files);
  const { code } = await compileFilter(folder.file(entry), 'test');
  const postern = Object.fromEntries(POSTERN_EXPORTS.map((name) => [name, `the ${name}`]));
  return (runInNewContext(code) as (library: object) => Record<string, unknown>)(postern);
}

async function problems(files: Record<string, string>, entry = 'filter.ts') {
  folder = folderOf(files);
  const error = await compileFilter(folder.file(entry), 'test').catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(CompileError);
  return (error as CompileError).problems.map(
    ({ line, column, text }) => `${line}:${column}: ${text}`,
  );
}

describe('a filter', () => {
  test('becomes one script: types gone, relative imports and packages in it', async () => {
    const module = await exported(
      {
        'filters/filter.ts': `import { word } from './words.ts';\nimport { number } from 'some-package';\nexport function eom(session: { x: string }): string { return word + number; }`,
        'filters/words.ts': `export const word: string = 'w';`,
        'node_modules/some-package/package.json': '{"name":"some-package","main":"main.js"}',
        'node_modules/some-package/main.js': 'exports.number = 7;',
      },
      'filters/filter.ts',
    );
    expect((module.eom as () => string)()).toBe('w7');
  });

  test('finds postern wherever it lies', async () => {
    const module = await exported(
      {
        'a/b/c.ts': `import { kv, reject as no } from 'postern';\nexport const eom = () => [kv, no];`,
      },
      'a/b/c.ts',
    );
    expect((module.eom as () => unknown)()).toEqual(['the kv', 'the reject']);
  });

  test('may be JavaScript', async () => {
    expect(
      Object.keys(await exported({ 'filter.js': 'export function helo() {}' }, 'filter.js')),
    ).toEqual(['helo']);
  });

  test('is strict, as modules are', async () => {
    const module = await exported(
      { 'filter.ts': 'export function eom() { leak = 1; }' },
      'filter.ts',
    );
    expect(module.eom).toThrow('leak is not defined');
  });

  test('may use packages written for Node that can do without it', async () => {
    const module = await exported(
      {
        'filter.ts': `import name from 'careful'; export const eom = () => name;`,
        'node_modules/careful/package.json': '{"name":"careful","main":"main.js"}',
        'node_modules/careful/main.js': `let name = process.env.NODE_ENV;
          try { require('crypto'); } catch { name += ' without crypto'; }
          if (require('events').small) name += ', with events of its own';
          module.exports = name;`,
        'node_modules/events/package.json': '{"name":"events","main":"main.js"}',
        'node_modules/events/main.js': 'exports.small = true;',
      },
      'filter.ts',
    );
    expect((module.eom as () => string)()).toBe(
      'production without crypto, with events of its own',
    );
  });

  test('is compiled alike, whatever tsconfig.json lies beside it', async () => {
    const module = await exported(
      {
        'filter.ts': `class Base { set x(value: number) { throw new Error('called'); } }
          class Derived extends Base { x = 1; }
          export const eom = () => new Derived().x;`,
        'tsconfig.json': '{ "compilerOptions": { "useDefineForClassFields": false } }',
      },
      'filter.ts',
    );
    expect((module.eom as () => number)()).toBe(1);
  });

  test.each([
    [`export function eom( {`, /^1:23: Expected identifier/],
    [
      `import { kv, nothing } from 'postern';\nexport const eom = () => nothing(kv);`,
      /^1:14: postern has no export "nothing"; there are accept, reject, .*, settings, and types$/,
    ],
    [
      `import { rejct } from 'postern';\nexport const eom = () => rejct();`,
      /^1:10: postern has no export "rejct"; did you mean 'reject'\?$/,
    ],
    [
      `import postern from 'postern';\nexport const eom = () => postern;`,
      /^1:8: postern has no default export; write import \{ \.\.\. \} from "postern"$/,
    ],
    [
      `const x = await 1;\nexport const eom = () => x;`,
      /^1:11: a filter cannot await outside its functions; .* init\(\)$/,
    ],
    [`\nimport 'node:child_process';`, /^2:8: filters have no access to "node:child_process"/],
    [`import fs from 'fs';\nexport const eom = () => fs;`, /^1:16: filters have no access to "fs"/],
    [
      `import x from './gone.ts';\nexport const eom = () => x;`,
      /^1:15: Could not resolve "\.\/gone\.ts"/,
    ],
  ])('that is wrong is refused with its place: %j', async (source, expected) => {
    expect((await problems({ 'filter.ts': source })).join('\n')).toMatch(expected);
  });

  test('that is not there is refused by name', async () => {
    expect(await problems({}, 'none.ts')).toEqual(['1:1: there is no such file']);
  });

  test('with several mistakes has all of them named', async () => {
    expect(await problems({ 'filter.ts': `import './a.ts';\nimport './b.ts';` })).toHaveLength(2);
  });
});
