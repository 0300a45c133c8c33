/**
 * A process that writes to a store while a test watches:
 *
 *     count FOLDER KEY N   adds 1 to KEY N times, some at once, and ends
 *     reopen FOLDER KEY N  adds 1 to KEY N times, each time opening and closing the store
 *     forever FOLDER KEY   adds 1 to KEY again and again, printing each sum
 *     hold FOLDER          takes the lock, says so and stops itself
 *     fill FOLDER          writes until it fails, prints the error, deletes, prints what is left
 */
import { writeSync } from 'node:fs';
import { openEnvironment } from '../../../src/kv/lmdb/environment.ts';
import { LmdbStore } from '../../../src/kv/lmdb/lmdb.ts';

const [, , task, folder, key = '', times = ''] = process.argv;

if (task === 'reopen') {
  for (let n = 0; n < Number(times); n++) {
    const store = await LmdbStore.open(folder!);
    await store.incr(key, 1);
    await store.close();
  }
  process.exit();
}

if (task === 'hold') {
  const environment = await openEnvironment(folder!);
  await environment.write(() => {
    writeSync(1, 'held\n');
    process.kill(process.pid, 'SIGSTOP');
  });
}

const store = await LmdbStore.open(folder!, { sweepEveryMs: 1 });

switch (task) {
  case 'count':
    for (let n = 0; n < Number(times) / 5; n++) {
      await Promise.all(Array.from({ length: 5 }, () => store.incr(key, 1, 60_000)));
    }
    break;
  case 'forever':
    for (;;) {
      const sum = await store.incr(key, 1);
      process.stdout.write(`${sum}\n`);
      await store.set(`${key} ${sum % 50}`, Buffer.alloc(sum % 3000, 7), 5);
    }
  case 'fill': {
    let written = 0;
    const error = await (async () => {
      for (;;) await store.set(`key ${written++}`, Buffer.alloc(100_000));
    })().catch((reason: { code: string; message: string }) => reason);
    const before = (await store.get('key 0'))?.length;
    for (let n = 0; n < written; n++) await store.delete(`key ${n}`);
    const sum = await store.incr('after', 1);
    process.stdout.write(JSON.stringify({ code: error.code, message: error.message, before, sum }));
    break;
  }
}
await store.close();
