import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LmdbStore } from '../../../src/kv/lmdb/lmdb.ts';
import { folder } from '../../config/folder.ts';

const run = promisify(execFile);
const WRITER = join(__dirname, 'writer.ts');

test('four processes that count at once lose nothing', async () => {
  const path = folder();
  const counting = () => run(process.execPath, [WRITER, 'count', path, 'n', '500']);
  await Promise.all([counting(), counting(), counting(), counting()]);
  const store = await LmdbStore.open(path);
  expect((await store.get('n'))?.toString()).toBe('2000');
  await store.close();
});

test("processes that open and close the store at the same moment do not get into each other's way", async () => {
  const path = folder();
  const reopening = () => run(process.execPath, [WRITER, 'reopen', path, 'n', '40']);
  await Promise.all([reopening(), reopening(), reopening()]);
  const store = await LmdbStore.open(path);
  expect((await store.get('n'))?.toString()).toBe('120');
  await store.close();
});

test('what another process has told of is there to be read', async () => {
  const path = folder();
  const store = await LmdbStore.open(path);
  const other = spawn(process.execPath, [WRITER, 'forever', path, 'n'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = 0;
  for await (const lines of other.stdout) {
    const told = Number(String(lines).trimEnd().split('\n').at(-1));
    expect(Number(await store.get('n'))).toBeGreaterThanOrEqual(told);
    if (++seen === 300) break;
    // Reads in between leave an old state behind, which the next one must not show.
    for (let n = 0; n < 20; n++) {
      await store.get('n');
      await setImmediate();
    }
  }
  other.kill('SIGKILL');
  await store.close();
});

describe('a writer that is killed in the middle', () => {
  /** Writes for ever; `last` is the last sum that its store confirmed. */
  function writer(path: string, key: string): { child: ChildProcess; last: () => number } {
    const child = spawn(process.execPath, [WRITER, 'forever', path, key], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let last = 0;
    child.stdout?.on('data', (lines: Buffer) => {
      last = Number(lines.toString().trimEnd().split('\n').at(-1));
    });
    return { child, last: () => last };
  }

  async function kill({ child }: { child: ChildProcess }): Promise<void> {
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await setTimeout(2);
  }

  test('leaves a store that opens, works, and has all that was confirmed', async () => {
    const path = folder();
    for (let round = 0; round < 5; round++) {
      const one = writer(path, 'one');
      const two = writer(path, 'two');
      await until(() => one.last() > 0 && two.last() > 0);
      await setTimeout(20 * round);
      await Promise.all([kill(one), kill(two)]);
      const store = await LmdbStore.open(path);
      expect(Number(await store.get('one'))).toBeGreaterThanOrEqual(one.last());
      expect(Number(await store.get('two'))).toBeGreaterThanOrEqual(two.last());
      expect(await store.add(`round ${round}`, Buffer.from('x'))).toBe(true);
      await store.close();
    }
  });

  test('does not stop the others, even if it died with the lock', async () => {
    const path = folder();
    const store = await LmdbStore.open(path);
    for (let round = 0; round < 10; round++) {
      const other = writer(path, 'other');
      await until(() => other.last() > 0);
      const killed = kill(other);
      expect(await store.incr('mine', 1)).toBe(2 * round + 1);
      await killed;
      expect(await store.incr('mine', 1)).toBe(2 * round + 2);
      expect(Number(await store.get('other'))).toBeGreaterThanOrEqual(other.last());
    }
    await store.close();
  });
});

describe('a process that is stopped while it has the lock', () => {
  /** Takes the lock of the store in the folder and stops itself. */
  async function holder(path: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, [WRITER, 'hold', path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    return child;
  }

  test('does not keep others from closing, and they go on when it is gone', async () => {
    const path = folder();
    const store = await LmdbStore.open(path);
    const child = await holder(path);
    const writing = store.incr('n', 1);
    const other = await LmdbStore.open(path);
    await other.close();
    child.kill('SIGKILL');
    expect(await writing).toBe(1);
    await store.close();
  });
});

test('a disk without room is an error of the call, and the store works on when there is room', async () => {
  const path = folder();
  // A limit on the size of files fails a write as a full disk does.
  const command = 'ulimit -f 4096; exec "$0" "$@"';
  const { stdout } = await run('sh', ['-c', command, process.execPath, WRITER, 'fill', path]);
  expect(JSON.parse(stdout)).toEqual({
    code: 'ERR_KV_UNAVAILABLE',
    message: expect.stringMatching(
      /^cannot write to the store in .*: .+; see that its disk has room and can be written$/,
    ),
    before: 100_000,
    sum: 1,
  });
});
