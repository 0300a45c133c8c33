/**
 * Wakes a Sendmail that naps. Where the machine's name has no dot, it sleeps for a minute
 * before it reads its configuration, lest a name server come up late. Any signal with a
 * handler ends the sleep, and SIGUSR1 has one that only writes to syslog.
 */

import { readFileSync } from 'node:fs';

/** SIGUSR1 in the mask of signals that a process has handlers for. */
const SIGUSR1_BIT = 1n << 9n;
/** Its handler must not interrupt any work, because it allocates memory: Sendmail would crash. */
const ASLEEP_MS = 100;

/** Has to be asked again and again until the process is up. */
export class NapAlarm {
  readonly #pid: number;
  /** How often the process has gone to sleep so far: unchanged while it sleeps on. */
  #naps = '';
  #since = 0;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Ends a nap that has lasted for a while. */
  look(): undefined {
    try {
      this.#look(readFileSync(`/proc/${this.#pid}/status`, 'latin1'));
    } catch {
      // The process has ended, which is not our business.
    }
  }

  #look(status: string): void {
    const naps = /^voluntary_ctxt_switches:.*$/m.exec(status)?.[0] ?? '';
    if (!/^State:\s+S/m.test(status) || naps !== this.#naps) {
      this.#naps = naps;
      this.#since = performance.now();
    } else if (performance.now() - this.#since >= ASLEEP_MS && hasHandler(status)) {
      process.kill(this.#pid, 'SIGUSR1');
      this.#naps = '';
    }
  }
}

function hasHandler(status: string): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & SIGUSR1_BIT) !== 0n;
}
