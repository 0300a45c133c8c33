import { exportsOf } from '../../src/compile/exports.ts';
import { type Folder, folderOf } from './filter-file.ts';

let folder: Folder;

afterEach(() => folder.remove());

/** `name line:column` of each export, by name. */
async function places(files: Record<string, string>): Promise<string[]> {
  folder = folderOf(files);
  const exports = await exportsOf(folder.file('filter.ts'));
  return exports.map(({ name, line, column }) => `${name} ${line}:${column}`).sort();
}

test.each<[source: string, places: string[]]>([
  ['export function eom() {}', ['eom 1:17']],
  ['\nexport async function eom() {}', ['eom 2:23']],
  ['export const eom = () => 1, helo = () => 2;', ['eom 1:14', 'helo 1:29']],
  [
    'function a() {}\nfunction b() {}\nexport {\n  a as eom,\n  b as helo,\n};',
    ['eom 4:8', 'helo 5:8'],
  ],
  ['const x = 1; export function eom() { return x; }', ['eom 1:30']],
  ['// was: export function eom() {}\nexport function eom() {}', ['eom 2:17']],
  [
    'export const eom = 1;\nexport const eomX = 2;\nexport const $eom = 3;',
    ['$eom 3:14', 'eom 1:14', 'eomX 2:14'],
  ],
  ['export type Mine = string;\nexport interface Other {}\nexport const eom = 1;', ['eom 3:14']],
  ['export default function named() {}', ['default 1:1']],
])('%j has its exports found at their places', async (source, expected) => {
  expect(await places({ 'filter.ts': source })).toEqual(expected);
});

test('exports of other modules are known, if only at the first line', async () => {
  const files = {
    'filter.ts': "// Parts.\nexport * from './parts.ts';\nexport { late as eoh } from './late.ts';",
    'parts.ts': '\nexport const eom = 1;',
    'late.ts': 'export const late = 1;',
  };
  expect(await places(files)).toEqual(['eoh 3:18', 'eom 1:1']);
});
