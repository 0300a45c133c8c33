// Runs a script of this checkout under the Node that it needs, installing first
// what is missing. Works with nothing installed and with an older Node (20 and up).
//
//   node scripts/bootstrap.js SCRIPT [ARGUMENT ...]

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node');
const stamp = join(root, 'node_modules', '.installed-for');

/** What is installed depends on these two files alone. */
function wanted() {
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', 'package.json'])
    hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function isInstalled() {
  return existsSync(pinnedNode) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted();
}

function npm(...args) {
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    const why = error ? error.message : `exit code ${status}`;
    console.error(
      `postern: "npm ${args.join(' ')}" failed (${why}). Is the npm registry reachable?`,
    );
    process.exit(1);
  }
}

if (!isInstalled()) {
  console.error('postern: installing what is missing (once, about a minute) ...');
  // Not `npm ci`: it refuses a lockfile that lacks optional packages of platforms that the
  // registry at hand does not have. This keeps to the lockfile, too, and does not write it.
  npm('install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error');
  // The one package whose install script is wanted: it puts Node 24 beside the others.
  npm('rebuild', 'node', '--ignore-scripts=false', '--loglevel=error');
  writeFileSync(stamp, wanted());
}

const [script, ...rest] = process.argv.slice(2);
const child = spawn(pinnedNode, [join(root, script), ...rest], {
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
