/** The examples are as `postern check` wants filters to be. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { typeCheck } from '../../src/compile/type-check.ts';

const EXAMPLES = join(__dirname, '..', '..', 'filters', 'examples');

test('all examples have the right types', async () => {
  const files = readdirSync(EXAMPLES).filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThanOrEqual(10);
  expect(await typeCheck(files.map((file) => join(EXAMPLES, file)))).toEqual([]);
});
