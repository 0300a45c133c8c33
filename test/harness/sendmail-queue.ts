/**
 * What Sendmail has in its queue. Read from its files, because `mailq` is Sendmail itself, which
 * takes a minute to start on some machines (see sendmail-nap.ts).
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One message in the queue. */
export type SendmailQueueEntry = {
  /** `hold` for quarantined messages (`hf` files), else `deferred` (`qf` files). */
  readonly queueName: 'hold' | 'deferred';
  readonly queueId: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string }[];
  /** Why it is in quarantine. */
  readonly quarantineReason: string | undefined;
};

/** The messages in a queue folder. */
export async function readQueue(folder: string): Promise<readonly SendmailQueueEntry[]> {
  const names = (await readdir(folder)).filter((name) => /^[hq]f/.test(name));
  const entries = await Promise.all(names.map((name) => readEntry(folder, name)));
  return entries.filter((entry) => entry !== undefined);
}

/** Nothing for a message that left the queue meanwhile. */
async function readEntry(folder: string, name: string): Promise<SendmailQueueEntry | undefined> {
  try {
    return parseQueueFile(name, await readFile(join(folder, name), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Reads a control file: a letter and a value a line (Sendmail's Installation and Operation Guide, appendix B). */
export function parseQueueFile(name: string, text: string): SendmailQueueEntry {
  const values = (letter: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(letter))
      .map((line) => line.slice(1));
  return {
    queueName: name.startsWith('hf') ? 'hold' : 'deferred',
    queueId: name.slice(2),
    sender: withoutAngles(values('S')[0] ?? ''),
    // Flags such as PFD come before the address.
    recipients: values('R').map((value) => ({
      address: withoutAngles(value.slice(value.indexOf(':') + 1)),
    })),
    quarantineReason: values('q')[0],
  };
}

function withoutAngles(address: string): string {
  return address.replace(/^<(.*)>$/, '$1');
}
