/** The thread that runs mailauth. It asks the DNS through the main thread and has no other network. */

import { parentPort } from 'node:worker_threads';
import { authenticate, type DNSResolver } from 'mailauth';
import { resultsOf } from './results.ts';
import type { AuthenticateJob, FromThread, ToThread } from './thread-messages.ts';

interface Lookup {
  readonly id: number;
  readonly resolve: (value: string[][] | string[]) => void;
  readonly reject: (error: Error) => void;
}

const port = parentPort!;
const lookups = new Map<number, Lookup>();
/** The jobs that are worked on, and whether somebody waits for them. */
const jobs = new Map<number, 'wanted' | 'dropped'>();
let nextLookup = 1;

function say(message: FromThread): void {
  port.postMessage(message);
}

/** An error as those of node:dns; mailauth reads its code. */
function dnsError(code: string): Error {
  return Object.assign(new Error(`DNS: ${code}`), { code });
}

function resolverFor(id: number): DNSResolver {
  return (name, type) =>
    new Promise((resolve, reject) => {
      if (jobs.get(id) !== 'wanted') {
        reject(dnsError('ECANCELLED'));
        return;
      }
      const lookup = nextLookup++;
      lookups.set(lookup, { id, resolve, reject });
      say({ kind: 'lookup', id, lookup, name: String(name), type: String(type) });
    });
}

async function run(id: number, job: AuthenticateJob): Promise<void> {
  jobs.set(id, 'wanted');
  try {
    const found = await authenticate(Buffer.from(job.message), {
      ...(job.address !== undefined && { ip: job.address }),
      ...(job.helo !== undefined && { helo: job.helo }),
      sender: job.sender,
      mta: job.mta,
      resolver: resolverFor(id),
      disableBimi: true,
      // What the RFCs say, such as `fail` for a body that was changed.
      strict: true,
    });
    const results = resultsOf(job.mta, found, job.address !== undefined);
    end(id, { kind: 'done', id, results });
  } catch (error) {
    end(id, { kind: 'failed', id, name: (error as Error).name });
  }
}

function end(id: number, outcome: FromThread): void {
  say(jobs.get(id) === 'wanted' ? outcome : { kind: 'dropped', id });
  jobs.delete(id);
}

function drop(id: number): void {
  if (!jobs.has(id)) {
    // It had ended before.
    say({ kind: 'dropped', id });
    return;
  }
  jobs.set(id, 'dropped');
  for (const [number, lookup] of lookups) {
    if (lookup.id !== id) continue;
    lookups.delete(number);
    lookup.reject(dnsError('ECANCELLED'));
  }
}

function take(number: number): Lookup | undefined {
  const lookup = lookups.get(number);
  lookups.delete(number);
  return lookup;
}

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'begin':
      run(message.id, message.job);
      return;
    case 'drop':
      drop(message.id);
      return;
    case 'found':
      take(message.lookup)?.resolve(message.value as string[][]);
      return;
    case 'missed':
      take(message.lookup)?.reject(dnsError(message.code));
      return;
    default:
      message satisfies never;
  }
});

say({ kind: 'ready' });
