/** Folders that tests work in. */

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from './guard.ts';

/** An empty folder of one's own. */
export type TemporaryDirectory = {
  readonly path: string;
  /** Removes the folder and all that is in it. More than once is fine. */
  remove(): Promise<void>;
};

/** Makes a folder that every user may enter (mode 755), since servers give up root. */
export async function temporaryDirectory(prefix: string): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  // Twice, because a program that is just being killed may add a file to the first attempt.
  const cleaner = guard('rm -rf -- "$1" || rm -rf -- "$1"', path);
  await chmod(path, 0o755);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      cleaner.release();
    },
  };
}
