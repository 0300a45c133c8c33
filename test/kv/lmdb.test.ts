import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LmdbStore } from '../../src/kv/lmdb.ts';
import { folder } from '../config/folder.ts';
import { describeStore } from './store-suite.ts';

describeStore('lmdb', async (options) => new LmdbStore(join(folder(), 'data.v1'), options));

test('a folder that is not there is made, for this user alone', async () => {
  const path = join(folder(), 'deep', 'data');
  const store = new LmdbStore(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(existsSync(join(path, 'data.mdb'))).toBe(true);
  await store.close();
});

test('what was stored is there after the store was closed and opened again', async () => {
  const path = folder();
  let nowMs = 5000;
  const now = () => nowMs;
  const first = new LmdbStore(path, { now });
  await first.set('a', Buffer.from('x'));
  await first.incr('n', 3, 1000);
  await first.close();
  const second = new LmdbStore(path, { now });
  expect((await second.get('a'))?.toString()).toBe('x');
  expect(await second.incr('n', 1)).toBe(4);
  nowMs += 1000;
  expect(await second.get('n')).toBeUndefined();
  await second.close();
});

test('two stores on one folder see what the other has done as soon as it is done', async () => {
  const path = folder();
  const one = new LmdbStore(path);
  const two = new LmdbStore(path);
  for (let n = 0; n < 100; n++) {
    expect(await two.get(`key ${n}`)).toBeUndefined();
    await one.set(`key ${n}`, Buffer.from('x'));
    expect(await two.get(`key ${n}`)).toBeDefined();
  }
  await one.close();
  await two.close();
});

test('a folder that cannot be made or written is named, with what to do', async () => {
  const path = join(folder({ taken: 'a file' }), 'taken');
  expect(() => new LmdbStore(path)).toThrow(
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
])('a file that is no store but %s is named', (_what, content) => {
  const path = folder({ 'data.mdb': content });
  expect(() => new LmdbStore(path)).toThrow(
    /^cannot open the store in .*\/data\.mdb: this is not a store, .*; name another folder, or/,
  );
});

test('an empty file is an empty store', async () => {
  const store = new LmdbStore(folder({ 'data.mdb': '' }));
  expect(await store.incr('n', 1)).toBe(1);
  await store.close();
});
