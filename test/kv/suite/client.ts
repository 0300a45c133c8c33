/**
 * A process that uses a store with 50 clients at once, and prints what they were answered:
 *
 *     TASK URL     TASK: rate, lease, incr, window, distinct, add, cas
 *     hold URL     takes the only place of a lease for 3 seconds and waits to be killed
 */

import { openStore } from '../../../src/kv/open.ts';
import type { Store } from '../../../src/kv/store.ts';

const [, , task = '', url = ''] = process.argv;
const HOUR_MS = 3_600_000;
const one = Buffer.from('1');

function ask(store: Store, client: number): Promise<unknown> {
  switch (task) {
    case 'rate':
      return store.rate('rate', { limit: 20, perMs: 24 * HOUR_MS });
    case 'lease':
      return store.leaseAcquire('lease', `${process.pid}.${client}`, { limit: 20, ttlMs: HOUR_MS });
    case 'incr':
      return store.incr('incr', 1, HOUR_MS);
    case 'window':
      return store.windowAdd('window', 1, { perMs: HOUR_MS, slots: 60 });
    case 'distinct':
      return store.distinctAdd('distinct', `member ${client}`, HOUR_MS);
    case 'add':
      return store.add('add', one);
    case 'cas':
      return store.cas('cas', undefined, one);
    default:
      throw new Error(`there is no task ${task}`);
  }
}

const store = await openStore(url, { cwd: '/' });
// Who is connected competes; who is not yet would come too late.
await store.get('nothing').catch(() => store.get('nothing'));
if (task === 'hold') {
  await store.leaseAcquire('hold', `${process.pid}`, { limit: 1, ttlMs: 3000 });
  process.stdout.write('held\n');
  setInterval(() => {}, HOUR_MS);
} else {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, client) => ask(store, client)));
  process.stdout.write(JSON.stringify(answers));
  await store.close();
}
