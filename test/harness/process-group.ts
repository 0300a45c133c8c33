/** Who is in a process group, to see that nothing was left behind. */

import { readdirSync, readFileSync } from 'node:fs';

/**
 * The ids of the living processes of a group (Linux only). Zombies have ended, whoever should
 * collect them; `kill(pid, 0)` would take them for alive.
 */
export function groupMembers(group: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isMember(pid, group));
}

function isMember(pid: number, group: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return false; // ended while we looked
  }
  // "PID (NAME) STATE PARENT GROUP ...", and the name may hold brackets and spaces.
  const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(processGroup) === group && state !== 'Z' && state !== 'X';
}
