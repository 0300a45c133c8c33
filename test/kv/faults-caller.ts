/**
 * A process that calls a store all the time, then closes it and prints what it saw:
 *
 *     faults-caller.ts URL MS
 *
 * It ends by itself if nothing is left open, and with an error for a rejection that nobody
 * handles.
 */
import { setTimeout } from 'node:timers/promises';
import { openStore } from '../../src/kv/open.ts';

const [, , url, ms] = process.argv;
const store = await openStore(url!, { cwd: '/' });
const seen = { answered: false, failed: false, lastAnswered: false };
const calls: Promise<void>[] = [];
const end = performance.now() + Number(ms);
while (performance.now() < end) {
  for (const call of [store.get('a'), store.incr('n', 1, 60_000)]) {
    calls.push(
      call.then(
        () => {
          seen.answered = seen.lastAnswered = true;
        },
        () => {
          seen.failed = true;
          seen.lastAnswered = false;
        },
      ),
    );
  }
  await setTimeout(10);
}
await Promise.all(calls);
await store.close();
process.stdout.write(JSON.stringify(seen));
