/** Whether a process was stopped by a signal (Linux only). */

import { readFileSync } from 'node:fs';

export function isStopped(pid: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return false; // it has ended
  }
  // "PID (NAME) STATE ...", and the name may hold brackets and spaces.
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}
