/** File names as people want to read them in messages. */

import { relative } from 'node:path';

/** `file` (absolute) relative to `cwd` where that is shorter, else as it is. */
export function shownPath(file: string, cwd: string = process.cwd()): string {
  const near = relative(cwd, file);
  return near !== '' && near.length < file.length ? near : file;
}
