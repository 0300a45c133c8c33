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

  test.each([
    [`export function eom( {`, /^1:23: Expected identifier/],
    [
      `import { kv, nothing } from 'postern';\nexport const eom = () => nothing(kv);`,
      /^1:14: No matching export .* "nothing"/,
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
