/**
 * Debian's Sendmail without its installation: the packages conflict with Postfix's, so they
 * are unpacked into a folder of their own, and m4, which builds the configuration, with them.
 *
 * `npm test` runs {@link unpackSendmail}; the tests only look at what is there.
 */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const CACHE = join(import.meta.dirname, '../../node_modules/.cache');
const ROOT = join(CACHE, 'postern-sendmail');
const PACKAGES = ['sendmail-bin', 'sendmail-base', 'sendmail-cf', 'm4'];

/** Where the parts of it are. */
export const SENDMAIL = {
  program: join(ROOT, 'usr/libexec/sendmail/sendmail'),
  m4: join(ROOT, 'usr/bin/m4'),
  /** The macros that a configuration is made of. */
  cf: join(ROOT, 'usr/share/sendmail/cf'),
} as const;

/** Whether it is unpacked and has the shared libraries that it needs. */
export function isSendmailReady(): boolean {
  return isUnpacked() && missingLibraries().length === 0;
}

/** Downloads and unpacks it, and installs the libraries. Does nothing if that was done. */
export function unpackSendmail(): void {
  if (!isUnpacked()) unpack();
  if (missingLibraries().length > 0) installLibraries();
  const missing = missingLibraries();
  if (missing.length > 0) throw new Error(`Sendmail lacks libraries: ${missing.join(', ')}`);
}

function isUnpacked(): boolean {
  try {
    accessSync(SENDMAIL.program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Unpacks beside the place where it shall be, so that a half of it never looks like the whole. */
function unpack(): void {
  const draft = `${ROOT}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    download(draft);
    for (const file of readdirSync(draft).filter((name) => name.endsWith('.deb'))) {
      run('dpkg', ['-x', file, '.'], draft);
    }
    rmSync(ROOT, { recursive: true, force: true });
    renameSync(draft, ROOT);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function download(folder: string): void {
  // Another user, whom apt would choose, may not write here.
  const args = ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...PACKAGES];
  if (run('apt-get', args, folder, 'may fail')) return;
  // A fresh machine has no lists of packages yet, an old one has lists of what is gone.
  run('apt-get', ['-qq', 'update'], folder);
  run('apt-get', args, folder);
}

/** Whatever the packages depend on, but not each other. */
function installLibraries(): void {
  const debs = readdirSync(ROOT).filter((name) => name.endsWith('.deb'));
  const names = debs
    .flatMap((deb) => read('dpkg-deb', ['--field', deb, 'Pre-Depends', 'Depends']).split(/[,\n]/))
    .map(
      (dependency) =>
        dependency
          .replace(/^(?:Pre-)?Depends:/, '')
          .trim()
          .split(/[ :]/)[0]!,
    )
    .filter((name) => name.startsWith('lib'));
  const args = ['-qq', '-y', '--no-install-recommends', '--no-upgrade', 'install'];
  args.push(...new Set(names));
  if (run('apt-get', args, ROOT, 'may fail')) return;
  run('apt-get', ['-qq', 'update'], ROOT);
  run('apt-get', args, ROOT);
}

/** What the dynamic loader does not find. */
function missingLibraries(): readonly string[] {
  const listings = [SENDMAIL.program, SENDMAIL.m4].map((program) =>
    read(program, [], { LD_TRACE_LOADED_OBJECTS: '1' }),
  );
  return [...listings.join('').matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name!);
}

function read(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { stdout, error } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (error) throw error;
  return stdout;
}

/** Whether it went well; unless that is left open, it has to. */
function run(command: string, args: readonly string[], cwd: string, may?: 'may fail'): boolean {
  const { status, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
  });
  if (status === 0) return true;
  if (may) return false;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
