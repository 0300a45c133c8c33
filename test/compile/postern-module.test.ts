import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { POSTERN_EXPORTS } from '../../src/compile/postern-module.ts';

test('what filters can import has a type for each, and the reverse', () => {
  const index = readFileSync(join(__dirname, '..', '..', 'src', 'index.ts'), 'utf8');
  const typed = [...index.matchAll(/^export declare const (\w+):/gm)].map(([, name]) => name!);
  expect(typed.sort()).toEqual([...POSTERN_EXPORTS].sort());
});
