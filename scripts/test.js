// npm test: installs the servers that the tests need, then lints, type-checks and runs every test.
// Arguments go to jest: `npm test -- test/kv`.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { isSendmailReady, unpackSendmail } from '../test/harness/sendmail-package.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isCi = process.env.CI === 'true';

/** Gives the Redis of a test a clock of its own. */
const FAKETIME = `/usr/lib/${arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`;

/** Debian's packages, and by what one sees that they are there. */
const SERVERS = [
  {
    package: 'postfix',
    program: '/usr/sbin/postfix',
    suites: 'test/e2e, test/postfix and test/harness',
  },
  { package: 'dovecot-core', program: '/usr/sbin/dovecot', suites: 'test/postfix/tls-auth' },
  { package: 'openssl', program: '/usr/bin/openssl', suites: 'test/postfix/tls-auth' },
  { package: 'gcc', program: '/usr/bin/cc', suites: 'test/libmilter' },
  { package: 'libc6-dev', program: '/usr/include/stdio.h', suites: 'test/libmilter' },
  { package: 'libmilter-dev', program: '/usr/include/libmilter/mfapi.h', suites: 'test/libmilter' },
  { package: 'miltertest', program: '/usr/bin/miltertest', suites: 'test/miltertest' },
  { package: 'redis-server', program: '/usr/bin/redis-server', suites: 'test/kv/redis' },
  { package: 'libfaketime', program: FAKETIME, suites: 'test/kv/redis' },
  { package: 'etcd-server', program: '/usr/bin/etcd', suites: 'test/kv/etcd' },
  { package: 'memcached', program: '/usr/bin/memcached', suites: 'test/kv/memcached' },
];

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) console.error(`npm test: ${command}: ${error.message}`);
  return status === 0;
}

function installServers() {
  const missing = SERVERS.filter(({ program }) => !existsSync(program));
  if (missing.length === 0) return;
  const names = missing.map((server) => server.package);
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log(`npm test: installing ${names.join(', ')} ...`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const quiet = ['inherit', 'ignore', 'inherit'];
    run('apt-get', ['update', '-qq'], { env, stdio: quiet });
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], {
      env,
      stdio: quiet,
    });
  }
  for (const server of missing.filter(({ program }) => !existsSync(program))) {
    const how = `apt-get install ${server.package}, as root`;
    if (isCi) {
      console.error(`npm test: ${server.package} is missing, which CI must have (${how})`);
      process.exit(1);
    }
    console.log(
      `npm test: leaving out ${server.suites}: ${server.package} is not installed (${how})`,
    );
  }
}

/** Not one of the servers above: its package conflicts with Postfix's. */
function installSendmail() {
  if (isSendmailReady()) return;
  let why = 'that takes apt-get, as root';
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log('npm test: unpacking sendmail-bin ...');
    try {
      unpackSendmail();
      return;
    } catch (error) {
      why = error.message;
    }
  }
  if (isCi) {
    console.error(`npm test: Sendmail is missing, which CI must have (${why})`);
    process.exit(1);
  }
  console.log(`npm test: leaving out test/e2e with Sendmail: it is not unpacked (${why})`);
}

/** Runs jest and ends with a line that says how many tests passed. */
function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const report = join(folder, 'report.json');
  // A test that leaves something open must not keep CI waiting after the last result.
  const always = ['--json', `--outputFile=${report}`, ...(isCi ? ['--forceExit'] : [])];
  const passed = run('jest', [...always, ...args], {
    // With --json jest prints the report to stdout too; what people read goes to stderr.
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  if (existsSync(report)) {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
  }
  rmSync(folder, { recursive: true });
  return passed;
}

installServers();
installSendmail();
if (process.getuid?.() !== 0) {
  console.log('npm test: leaving out what starts mail servers, which only root can do');
}
const steps = [
  () => run('biome', ['check', '--error-on-warnings', '.']),
  () => run('tsc', ['--noEmit']),
  () => runTests(process.argv.slice(2)),
];
process.exit(steps.map((step) => step()).every(Boolean) ? 0 : 1);
