/** What the kernel knows about a process (Linux only). */

import { readFileSync } from 'node:fs';

/** The command line, which Node's `process.title` replaces; `''` when the process is gone. */
export function processTitle(pid: number): string {
  return procFile(pid, 'cmdline').replace(/\0+$/, '').replaceAll('\0', ' ');
}

/** The most memory that it ever had, in bytes; 0 when the process is gone. */
export function peakMemoryBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(procFile(pid, 'status'))?.[1] ?? 0) * 1024;
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}
