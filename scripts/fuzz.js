// npm run fuzz: looks for inputs that break what must not break, each target in its turn.
//
//   npm run fuzz -- [--seconds 60] [--target codec] [--seed 1]
//
// What is found is written to fixtures/fuzz, which the tests replay; exit code 1 says that there
// is something new.

import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { keepCrash } from '../test/fuzz/crashes.ts';
import { TARGETS } from '../test/fuzz/targets.ts';

const FOLDER = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures', 'fuzz');

/** Each target gets this long before it is the next one's turn. */
const SLICE_MS = 5_000;

const names = TARGETS.map(({ name }) => name);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string' },
    seed: { type: 'string' },
  },
});
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
const milliseconds = Number(values.seconds) * 1000;
let seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (targets.length === 0 || !(milliseconds > 0) || !Number.isInteger(seed)) {
  console.error(`fuzz: expected --seconds N, --target ${names.join('|')}, --seed N`);
  process.exit(2);
}

process.on('unhandledRejection', (error) => {
  console.error(`fuzz: a promise was rejected and nobody handled it, seed ${seed}:`, error);
  process.exit(1);
});

console.log(`fuzz: ${targets.map(({ name }) => name).join(', ')}, seed ${seed}`);
const end = Date.now() + milliseconds;
const totals = new Map(targets.map(({ name }) => [name, 0]));
const found = new Map();
while (Date.now() < end && found.size < targets.length) {
  // A target that failed would fail in the same way again: the others go on.
  for (const target of targets.filter(({ name }) => !found.has(name))) {
    const left = end - Date.now();
    if (left <= 0) break;
    const share = Math.min(SLICE_MS, Math.max(1000, milliseconds / targets.length), left);
    // Said before, so that one knows what hangs.
    process.stdout.write(`${target.name}, seed ${seed} ... `);
    const { runs, crash } = await target.search({ seed, milliseconds: share });
    totals.set(target.name, totals.get(target.name) + runs);
    if (crash) {
      const file = keepCrash(FOLDER, crash);
      // As the linter wants files of this repository to look.
      spawnSync('biome', ['format', '--write', join(FOLDER, file)]);
      found.set(target.name, `fixtures/fuzz/${file}: ${crash.why.split('\n')[0]}`);
      console.log(`FAILED: ${crash.why}\n  kept as fixtures/fuzz/${file}`);
    } else console.log(`${runs} inputs`);
  }
  seed = (seed + 1) % 2 ** 31;
}
console.log('fuzz: in all');
for (const [name, runs] of totals) console.log(`  ${name}: ${runs} inputs`);
for (const line of found.values()) console.log(`  ${line}`);
process.exit(found.size > 0 ? 1 : 0);
