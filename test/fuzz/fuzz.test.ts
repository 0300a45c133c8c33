/** A short look at each target, the same each time, and everything that was ever found. */

import { join } from 'node:path';
import { readCrashes } from './crashes.ts';
import { TARGETS } from './targets.ts';

const CRASHES = join(__dirname, '..', '..', 'fixtures', 'fuzz');

const SEED = 20_260_101;
/** A few seconds each. */
const RUNS: Readonly<Record<string, number>> = {
  codec: 4_000,
  frames: 4_000,
  session: 1_200,
  steps: 4_000,
};

test.each(TARGETS)('$name withstands what chance thinks of', async (target) => {
  const { crash } = await target.search({ seed: SEED, runs: RUNS[target.name] ?? 1_000 });
  if (!crash) return;
  const input = JSON.stringify(crash.input);
  throw new Error(`${target.name}, seed ${SEED}: ${crash.why}\ninput: ${input}`);
});

const crashes = readCrashes(CRASHES);

(crashes.length > 0 ? test.each(crashes) : test.skip.each(crashes))(
  '$file no longer fails',
  async ({ target, input }) => {
    const found = TARGETS.find(({ name }) => name === target);
    if (!found) throw new Error(`there is no target ${target}`);
    await found.replay(input);
  },
);
