import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '../../src/kv/open.ts';
import type { Store } from '../../src/kv/store.ts';
import type { TemporaryDirectory } from '../harness/temporary-directory.ts';
import { folderWith, NODE, POSTERN, postern } from './postern.ts';

const CONFIG = `import { defineConfig } from 'postern';
export default defineConfig({ kv: {
  default: 'lmdb:./data',
  stores: { more: 'lmdb:./more', down: 'redis://:secret@127.0.0.1:1/0' },
  groups: { both: ['default', 'more'], all: ['default', 'more', 'down'] },
} });`;

const HOUR_MS = 3_600_000;

describe('postern kv', () => {
  let folder: TemporaryDirectory;
  let store: Store;
  const kv = (...args: string[]) => postern(folder.path, 'kv', ...args);
  const json = async (...args: string[]) => JSON.parse((await kv(...args, '--json')).stdout);

  // The stores stay open all the time, as by a server that runs.
  beforeAll(async () => {
    folder = await folderWith({ 'postern.config.ts': CONFIG });
    store = await openStore(`lmdb:${join(folder.path, 'data')}`, { cwd: '/' });
    await (await openStore(`lmdb:${join(folder.path, 'more')}`, { cwd: '/' })).close();
  });
  afterAll(async () => {
    await store.close();
    await folder.remove();
  });

  test('sets what a filter then reads, and shows what a filter has set', async () => {
    const set = await kv('set', 'list/192.0.2.1', '{"why":"abuse"}', '--ttl', '1h');
    expect(set).toEqual({ code: 0, said: [], stdout: '{"why":"abuse"}  (for 1h)\n' });
    expect((await store.get('list/192.0.2.1'))?.toString()).toBe('{"why":"abuse"}');
    expect(await store.ttl('list/192.0.2.1')).toBeLessThanOrEqual(HOUR_MS);
    await store.set('list/text', Buffer.from('"text"'));
    expect(await kv('get', 'list/text')).toEqual({ code: 0, said: [], stdout: '"text"\n' });
  });

  test.each([
    ['12', 12],
    ['192.0.2.1', '192.0.2.1'],
    ['"12"', '12'],
    ['plain words', 'plain words'],
    ['[1, null]', [1, null]],
    ['true', true],
  ])('takes %s for %j', async (text, value) => {
    await kv('set', 'value', text);
    expect(await json('get', 'value')).toEqual({ kind: 'value', value });
  });

  test('shows bytes, rates, windows, distinct counts and leases', async () => {
    await store.set('kinds/bytes', Buffer.from([0, 1, 2, 255]));
    await store.rate('kinds/rate', { limit: 10, perMs: 1000 * HOUR_MS, cost: 4 });
    await store.windowAdd('kinds/window', 7, { perMs: HOUR_MS, slots: 10 });
    await store.distinctAdd('kinds/distinct', 'ann', HOUR_MS);
    await store.leaseAcquire('kinds/lease', 'mx1.session-1', { limit: 2, ttlMs: HOUR_MS });
    const { stdout, code } = await kv('scan', 'kinds/');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'kinds/bytes  bytes in base64: AQL/',
      expect.stringMatching(/^kinds\/distinct {2}distinct: 1 {2}\(for (1h|59m \d+s)\)$/),
      expect.stringMatching(/^kinds\/lease {2}lease: 1 held by mx1\.session-1 for /),
      expect.stringMatching(/^kinds\/rate {2}rate: 4 used {2}\(for /),
      expect.stringMatching(/^kinds\/window {2}window: 7 {2}\(for /),
      '',
    ]);
    expect(await json('get', 'kinds/bytes')).toEqual({ kind: 'value', bytes: 'AQL/' });
    expect(await json('get', 'kinds/lease')).toMatchObject({
      kind: 'lease',
      holders: [{ holder: 'mx1.session-1' }],
      ttl: expect.any(Number),
    });
  });

  test('lists with --json one line for each entry, and not more than wanted', async () => {
    for (let n = 0; n < 1200; n++) await store.set(`many/${n}`, Buffer.from(`${n}`));
    const { stdout } = await kv('scan', 'many/', '--json');
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries).toHaveLength(1200);
    expect(entries).toContainEqual({ key: 'many/7', kind: 'value', value: 7 });
    const some = await kv('scan', 'many/', '--limit', '3');
    expect(some.stdout.trimEnd().split('\n')).toHaveLength(3);
  });

  test('shows keys and values so that a terminal obeys nothing and no line can be made up', async () => {
    const keys = ['evil/\u001b[2Jb', 'evil/a\nforged  "x"', 'evil/c\u202e\u009b\u2028'];
    for (const key of keys) await store.set(key, Buffer.from(JSON.stringify('v\u202e\u0085')));
    const { stdout } = await kv('scan', 'evil/');
    const value = '"v\\u202e\\u0085"';
    expect(stdout.split('\n')).toEqual([
      `evil/\\u001b[2Jb  ${value}`,
      `evil/a\\u000aforged  "x"  ${value}`,
      `evil/c\\u202e\\u009b\\u2028  ${value}`,
      '',
    ]);
    const scanned = await kv('scan', 'evil/', '--json');
    const got = await kv('get', keys[2]!, '--json');
    for (const shown of [scanned.stdout, got.stdout])
      expect(shown).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(got.stdout)).toEqual({ kind: 'value', value: 'v\u202e\u0085' });
    const lines = scanned.stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).key).sort()).toEqual([...keys].sort());
    expect((await kv('delete', ...keys)).stdout).toMatch(/^deleted [^\p{Cc}\p{Cf}]*\n$/u);
  });

  test('ends quietly when nobody reads what it lists', async () => {
    for (let n = 0; n < 3000; n++) await store.set(`long/${n}`, Buffer.from(`"${'x'.repeat(99)}"`));
    const command = `"${NODE}" "${POSTERN}" kv scan long/; echo "ended with $?" >&2`;
    const { stdout, stderr } = await promisify(execFile)(
      'sh',
      ['-c', `{ ${command}; } | head -1`],
      { cwd: folder.path },
    );
    expect(stdout).toMatch(/^long\/\d+ {2}"x+"\n$/);
    expect(stderr).toBe('ended with 0\n');
  });

  test('deletes what is there, and tells', async () => {
    await store.set('a', Buffer.from('1'));
    await store.leaseAcquire('b', 'x', { limit: 1, ttlMs: HOUR_MS });
    expect(await kv('delete', 'a', 'b', 'c')).toEqual({
      code: 0,
      said: [],
      stdout: 'deleted a, b\n',
    });
    expect(await store.has('b')).toBe(false);
    expect(await kv('delete', 'a')).toEqual({ code: 1, said: [], stdout: 'nothing to delete\n' });
    expect(await kv('get', 'a')).toEqual({ code: 1, said: [], stdout: 'nothing\n' });
  });

  test('writes to all stores of a group, and reads from all', async () => {
    expect(await kv('set', 'g', '1', '--store', 'both')).toMatchObject({
      code: 0,
      stdout: 'default: 1\nmore: 1\n',
    });
    await store.set('g', Buffer.from('2'));
    expect(await json('get', 'g', '--store', 'both')).toEqual({
      default: { kind: 'value', value: 2 },
      more: { kind: 'value', value: 1 },
    });
    expect((await kv('scan', 'g', '--store', 'both')).stdout).toBe('default: g  2\nmore: g  1\n');
    expect((await kv('delete', 'g', '--store', 'more')).stdout).toBe('deleted g\n');
    expect(await json('get', 'g', '--store', 'both')).toEqual({
      default: { kind: 'value', value: 2 },
      more: null,
    });
  });

  test('a store of a group that fails does not hide the others, and the exit code tells', async () => {
    await store.set('h', Buffer.from('1'));
    const { stdout, code } = await kv('get', 'h', '--store', 'all');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^default: 1\nmore: nothing\ndown: error: .*ECONNREFUSED/);
    expect(stdout).not.toContain('secret');
    expect((await json('get', 'h', '--store', 'all')).down).toEqual({
      error: { code: 'ERR_KV_UNAVAILABLE', message: expect.stringContaining('ECONNREFUSED') },
    });
    const scan = await kv('scan', 'h', '--store', 'all');
    expect(scan).toMatchObject({ code: 1, stdout: 'default: h  1\n' });
    expect(scan.said).toEqual([expect.stringContaining('down: redis://:***@127.0.0.1:1/0')]);
  });

  test.each<[args: string[], code: number, said: RegExp]>([
    [
      ['get', 'a', '--store', 'moer'],
      2,
      /^--store: there is no store named 'moer'; did you mean 'more'\?$/,
    ],
    [['get', 'x'.repeat(1025)], 2, /^expected a key of 1 to 1024 bytes/],
    [['set', 'a', '{x'], 2, /^expected JSON or a text, got \{x/],
    [['set', 'a', '1', '--ttl', 'soon'], 2, /^expected a duration such as/],
    [['scan', '--limit', 'few'], 2, /^--limit: expected a whole number, at least 1, got few$/],
    [['scan', '--limit', '1.5'], 2, /^--limit: expected a whole number, at least 1, got 1\.5$/],
    [['scan', '--limit', '0'], 2, /^--limit: expected a whole number, at least 1, got 0$/],
    [['get', 'a', '--kv', 'memory:'], 1, /^the store 'memory:' is inside the server/],
    [
      ['get', 'a', '--kv', 'lmdb:./none'],
      1,
      /^there is no store in .*\/none; name the configuration with -c/,
    ],
    [['get', 'a', '--kv', 'mysql://x'], 2, /^--kv: there is no store 'mysql:'/],
    [['get', 'a', '--store', 'down'], 1, /^redis:\/\/:\*\*\*@127\.0\.0\.1:1\/0: .*ECONNREFUSED/],
  ])('%j is refused with a reason', async (args, code, said) => {
    expect(await kv(...args)).toEqual({ code, stdout: '', said: [expect.stringMatching(said)] });
  });
});
