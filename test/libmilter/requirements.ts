/** `describe` for tests that compile C filters: as describeWith, for headers instead of programs. */

import { existsSync } from 'node:fs';

const NEEDED: readonly { readonly file: string; readonly package: string }[] = [
  { file: '/usr/bin/cc', package: 'gcc' },
  { file: '/usr/include/stdio.h', package: 'libc6-dev' },
  { file: '/usr/include/libmilter/mfapi.h', package: 'libmilter-dev' },
];

/** Skipped where something is missing, failed there on CI. */
export function describeWithLibmilter(name: string, body: () => void): void {
  const missing = NEEDED.filter(({ file }) => !existsSync(file)).map((needed) => needed.package);
  const reason = `not installed; apt-get install ${missing.join(' ')}`;
  if (missing.length === 0) describe(name, body);
  else if (process.env.CI !== 'true') describe.skip(`${name} (${reason})`, body);
  else {
    describe(name, () => {
      test('has libmilter and a compiler', () => {
        throw new Error(reason);
      });
    });
  }
}
