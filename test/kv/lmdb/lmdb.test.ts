import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LockFile } from '../../../src/kv/lmdb/files.ts';
import { LmdbStore } from '../../../src/kv/lmdb/lmdb.ts';
import { folder } from '../../config/folder.ts';
import { describeStore } from '../suite/store-suite.ts';
import { describeSweeping } from '../suite/sweeping.ts';

describeStore({
  kind: 'lmdb',
  grainMs: 1,
  async open() {
    let nowMs = 1_700_000_000_000;
    const options = { now: () => nowMs, sweepEveryMs: 0 };
    const store = await LmdbStore.open(join(folder(), 'data.v1'), options);
    const advance = async (ms: number) => {
      nowMs += ms;
    };
    return { store, advance, close: () => store.close() };
  },
  shared: async () => ({ url: `lmdb:${folder()}`, close: async () => {} }),
});

describeSweeping('lmdb', async (options) => LmdbStore.open(join(folder(), 'data.v1'), options));

test('a folder that is not there is made, for this user alone', async () => {
  const path = join(folder(), 'deep', 'data');
  const store = await LmdbStore.open(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(existsSync(join(path, 'data.mdb'))).toBe(true);
  await store.close();
});

test('what was stored is there after the store was closed and opened again', async () => {
  const path = folder();
  let nowMs = 5000;
  const now = () => nowMs;
  const first = await LmdbStore.open(path, { now });
  await first.set('a', Buffer.from('x'));
  await first.incr('n', 3, 1000);
  await first.close();
  const second = await LmdbStore.open(path, { now });
  expect((await second.get('a'))?.toString()).toBe('x');
  expect(await second.incr('n', 1)).toBe(4);
  nowMs += 1000;
  expect(await second.get('n')).toBeUndefined();
  await second.close();
});

test('two stores on one folder see what the other has done as soon as it is done', async () => {
  const path = folder();
  const one = await LmdbStore.open(path);
  const two = await LmdbStore.open(path);
  for (let n = 0; n < 100; n++) {
    expect(await two.get(`key ${n}`)).toBeUndefined();
    await one.set(`key ${n}`, Buffer.from('x'));
    expect(await two.get(`key ${n}`)).toBeDefined();
  }
  await one.close();
  await two.close();
});

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('a second store on a folder does not let go of the lock of the process on it', async () => {
  const path = folder();
  const locks = () => {
    const { ino } = statSync(join(path, 'lock.mdb'));
    const lines = readFileSync('/proc/locks', 'utf8').split('\n');
    return lines.filter(
      (line) => new RegExp(`READ +${process.pid} `).test(line) && line.includes(`:${ino} `),
    );
  };
  const one = await LmdbStore.open(path);
  expect(locks()).toHaveLength(1);
  const two = await LmdbStore.open(path);
  await two.close();
  expect(locks()).toHaveLength(1);
  expect(await one.incr('n', 1)).toBe(1);
  await one.close();
  expect(locks()).toHaveLength(0);
});

describe('a process that opens the store while another writes', () => {
  /**
   * What LMDB does then: sets the number of the last transaction to what it has read before.
   * The file stays open: closing it would let go of the locks that this process has on it.
   */
  function setBack(path: string, by: number): void {
    new LockFile(path).lastTransaction -= by;
  }

  test.each([1, 2, 3])('takes back none of the last %i changes', async (by) => {
    const path = folder();
    const store = await LmdbStore.open(path);
    for (let n = 0; n < 3; n++) await store.incr('before', 1);
    for (let n = 1; n <= 5; n++) {
      await store.incr('n', 1);
      setBack(path, by);
      expect(await store.incr('n', 1)).toBe(2 * n);
      expect((await store.get('n'))?.toString()).toBe(`${2 * n}`);
    }
    await store.close();
  });

  test('cannot make us write to files that are not as we know them', async () => {
    const path = folder();
    const store = await LmdbStore.open(path);
    setBack(path, -5);
    await expect(store.incr('n', 1)).rejects.toThrow(/end all processes that use it and start/);
    setBack(path, 5);
    expect(await store.incr('n', 1)).toBe(1);
    await store.close();
  });
});

test('a folder that cannot be made or written is named, with what to do', async () => {
  const path = join(folder({ taken: 'a file' }), 'taken');
  await expect(LmdbStore.open(path)).rejects.toThrow(
    expect.objectContaining({
      code: 'ERR_KV_UNAVAILABLE',
      message: expect.stringMatching(
        /^cannot open the store in .*\/taken: EEXIST.*; it needs a folder that this user may write to$/,
      ),
    }),
  );
});

test.each([
  ['a text', 'this is not LMDB'.repeat(1000)],
  ['a few bytes', 'short'],
  ['zeros', '\0'.repeat(8192)],
])('a file that is no store but %s is named', async (_what, content) => {
  const path = folder({ 'data.mdb': content });
  await expect(LmdbStore.open(path)).rejects.toThrow(
    /^cannot open the store in .*: data\.mdb is not a store, .*; name another folder, or/,
  );
});

test('an empty file is an empty store', async () => {
  const store = await LmdbStore.open(folder({ 'data.mdb': '' }));
  expect(await store.incr('n', 1)).toBe(1);
  await store.close();
});
