/** The differences are written down where people look for them, and each one is met by a test. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DIFFERENCES } from './differences.ts';

const PAGE = join(__dirname, '..', '..', 'docs', 'reference', 'libmilter.md');

test('the page in docs/reference lists them', () => {
  const page = readFileSync(PAGE, 'utf8');
  const rows = page.slice(page.indexOf('## Where Postern differs')).split('\n');
  expect(rows.filter((row) => row.startsWith('|')).slice(2)).toEqual(
    Object.entries(DIFFERENCES).map(([name, reason]) => `| ${name} | ${reason} |`),
  );
});

test('some test meets each of them', () => {
  const others = readdirSync(__dirname).filter((file) => file !== 'differences.ts');
  const tests = others.map((file) => readFileSync(join(__dirname, file), 'utf8')).join('');
  const unmet = Object.keys(DIFFERENCES).filter((name) => !tests.includes(`'${name}'`));
  expect(unmet).toEqual([]);
});
