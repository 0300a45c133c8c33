import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../src/kv/open.ts';
import { folder } from '../config/folder.ts';

test('lmdb: opens the store in a folder, relative to the given one', async () => {
  const cwd = folder();
  const store = await openStore('lmdb:./data', { cwd });
  expect(store.kind).toBe('lmdb');
  expect(existsSync(join(cwd, 'data', 'data.mdb'))).toBe(true);
  await store.close();
});

test('memory: opens a store of this process alone', async () => {
  const store = await openStore('memory:', { cwd: '/' });
  expect(store.kind).toBe('memory');
  await store.close();
});

test.each([
  ['redis://:secret@', "expected 'redis://host:6379/0'"],
  ['lmdb:', "expected a folder after 'lmdb:', such as 'lmdb:./data'"],
  ['lmdb:taken', expect.stringMatching(/^cannot open the store in .*\/taken: EEXIST/)],
])('%s is refused with a reason', async (url, message) => {
  await expect(openStore(url, { cwd: folder({ taken: '' }) })).rejects.toMatchObject({
    name: 'KvError',
    code: 'ERR_KV_UNAVAILABLE',
    message,
  });
});
