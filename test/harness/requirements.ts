/** Tests that need programs from outside, and what becomes of them where these are missing. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isSendmailReady } from './sendmail-package.ts';

/** Debian's package for each program that a test may need. */
const PACKAGES = {
  dovecot: 'dovecot-core',
  etcd: 'etcd-server',
  memcached: 'memcached',
  miltertest: 'miltertest',
  nginx: 'nginx',
  openssl: 'openssl',
  postfix: 'postfix',
  'redis-server': 'redis-server',
  swaks: 'swaks',
} as const;

/** These give up root themselves, so they have to be started as root. */
const STARTED_BY_ROOT: readonly ProgramName[] = ['postfix', 'sendmail'];

/** Not in everybody's PATH, but servers are there. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A program that a test may need. Sendmail is unpacked, not installed (sendmail-package.ts). */
export type ProgramName = keyof typeof PACKAGES | 'sendmail';

/** What is known of the machine. */
export type Machine = {
  readonly has: (program: ProgramName) => boolean;
  readonly isRoot: boolean;
  /** On CI nothing may be left out, so a missing program is a failure. */
  readonly isCI: boolean;
};

/** What to do with a group of tests; `reason` is for the person who has to act on it. */
export type Plan =
  | { readonly kind: 'run' }
  | { readonly kind: 'skip' | 'fail'; readonly reason: string };

/** `describe` for tests that need programs: skipped where one is missing, failed there on CI. */
export function describeWith(
  programs: readonly ProgramName[],
  name: string,
  body: () => void,
): void {
  const plan = planFor(programs, thisMachine());
  switch (plan.kind) {
    case 'run':
      describe(name, body);
      return;
    case 'skip':
      describe.skip(`${name} (${plan.reason})`, body);
      return;
    case 'fail':
      describe(name, () => {
        test(`has the programs that it needs: ${programs.join(', ')}`, () => {
          throw new Error(plan.reason);
        });
      });
      return;
    default:
      plan satisfies never;
  }
}

/** What becomes of tests that need these programs on this machine. */
export function planFor(programs: readonly ProgramName[], machine: Machine): Plan {
  const missing = programs.filter((program) => !machine.has(program));
  const installable = missing.filter((program) => program !== 'sendmail');
  const packages = installable.map((program) => PACKAGES[program]);
  const reasons = [
    installable.length > 0 &&
      `not installed: ${installable.join(', ')}; apt-get install ${packages.join(' ')}`,
    missing.includes('sendmail') && 'not unpacked: sendmail; npm test does it, as root',
    !machine.isRoot &&
      programs.some((program) => STARTED_BY_ROOT.includes(program)) &&
      `only root can start: ${programs.filter((each) => STARTED_BY_ROOT.includes(each)).join(', ')}`,
  ].filter((reason) => reason !== false);
  if (reasons.length === 0) return { kind: 'run' };
  return { kind: machine.isCI ? 'fail' : 'skip', reason: reasons.join('; ') };
}

function thisMachine(): Machine {
  return {
    has: isInstalled,
    isRoot: process.getuid?.() === 0,
    isCI: process.env.CI === 'true',
  };
}

function isInstalled(program: ProgramName): boolean {
  if (program === 'sendmail') return isSendmailReady();
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
