/** The clock of a program under test, in the test's hand, by libfaketime (Debian's package of this name). */

import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A clock that goes on by itself and can be set forward. */
export type HeldClock = {
  /** What a program needs in its environment to live by this clock. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it forward; programs see that when they look at it next. */
  advance(ms: number): void;
};

/** A clock that is kept in a file of this folder. */
export function heldClock(folder: string): HeldClock {
  const file = join(folder, 'clock');
  let aheadMs = 0;
  const write = () => {
    // Never half written for those who read it.
    writeFileSync(`${file}.new`, `+${(aheadMs / 1000).toFixed(3)}\n`);
    renameSync(`${file}.new`, file);
  };
  write();
  return {
    env: {
      // libc's allocator beside it: jemalloc asks for the time before libfaketime is ready.
      LD_PRELOAD: `${library()}:libc.so.6`,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    advance: (ms) => {
      aheadMs += ms;
      write();
    },
  };
}

function library(): string {
  for (const triplet of readdirSync('/usr/lib')) {
    const path = join('/usr/lib', triplet, 'faketime/libfaketime.so.1');
    if (existsSync(path)) return path;
  }
  throw new Error('libfaketime is not there: apt-get install libfaketime');
}
