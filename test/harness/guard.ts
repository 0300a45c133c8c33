/** Cleans up after a test run that dies before it could do so itself. */

import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** Stands by until it is released. */
export type Guard = {
  /** What was guarded is gone: nothing is left to do. */
  release(): void;
};

/**
 * Runs a shell command if this process ends, in whatever way, without a release.
 * The command sees `args` as `$1`, `$2` and so on.
 *
 * An `exit` listener cannot do this: under jest it listens to a copy of `process` that
 * never emits, and a signal skips it anyway. A pipe is closed by the kernel in every case,
 * so a shell that reads from one learns of our end even when it was a SIGKILL.
 */
export function guard(command: string, ...args: readonly string[]): Guard {
  const shell = spawn('/bin/sh', ['-c', `read -r released || { ${command}; }`, 'guard', ...args], {
    detached: true, // Ctrl-C in the terminal must not reach it
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // The shell may have been killed by somebody else. That must not fail a test.
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  (shell.stdin as Socket).unref();
  return {
    release: () => {
      if (!shell.stdin.writableEnded) shell.stdin.end('released\n');
    },
  };
}
