import { KvError } from '../../../src/kv/errors.ts';
import type { Page, Sight } from '../../../src/kv/store.ts';
import { bytes, codeOf, type StoreKind, type StoreUnderTest, TTL_MS, times } from './kind.ts';

const HOUR_MS = 3_600_000;

/** look and scan. */
export function describeSights(
  { grainMs, cannotScan }: StoreKind,
  opened: () => StoreUnderTest,
): void {
  const store = () => opened().store;
  const advance = (ms: number) => opened().advance(ms);

  async function pages(prefix: string, limit: number): Promise<Page['entries']> {
    const all = [];
    let page: Page | undefined;
    do {
      const cursor = page?.next;
      page = await store().scan(prefix, { limit, ...(cursor !== undefined && { cursor }) });
      all.push(...page.entries);
    } while (page.next !== undefined);
    return all;
  }

  const keysOf = async (prefix: string, limit = 100) =>
    [...new Set((await pages(prefix, limit)).map(({ key }) => key))].sort();

  describe('look', () => {
    test('shows what is there with the numbers of now', async () => {
      await store().set('value', bytes('"x"'), TTL_MS);
      await times(10, () => store().rate('rate', { limit: 60, perMs: HOUR_MS }));
      await store().windowAdd('window', 7, { perMs: HOUR_MS, slots: 60 });
      await store().distinctAdd('distinct', 'ann', HOUR_MS);
      await store().leaseAcquire('lease', 'a', { limit: 5, ttlMs: HOUR_MS });
      await store().leaseAcquire('lease', 'b', { limit: 5, ttlMs: TTL_MS });
      await advance(5 * 60_000);
      const look = async (key: string) => (await store().look(key)) as Sight;
      expect(await store().look('value')).toBeUndefined();
      expect(await look('rate')).toMatchObject({ kind: 'rate', used: expect.closeTo(5, 0) });
      expect(await look('window')).toMatchObject({ kind: 'window', sum: 7 });
      expect(await look('distinct')).toMatchObject({ kind: 'distinct', count: 1 });
      const lease = await look('lease');
      expect(lease).toMatchObject({ kind: 'lease', holders: [{ holder: 'a' }] });
      expect(lease.ttlMs).toBeLessThanOrEqual(55 * 60_000);
      expect(lease.ttlMs).toBeGreaterThanOrEqual(55 * 60_000 - grainMs);
    });

    test('shows a value, and that it stays for good', async () => {
      await store().set('a', bytes('"x"'));
      expect(await store().look('a')).toEqual({ kind: 'value', value: bytes('"x"') });
      expect(await store().look('b')).toBeUndefined();
    });
  });

  if (cannotScan) {
    test('scan is refused with a reason', async () => {
      await expect(store().scan('', { limit: 10 })).rejects.toMatchObject({
        code: 'ERR_KV_UNSUPPORTED',
        message: expect.stringContaining('scan'),
      });
    });
    return;
  }

  describe('scan', () => {
    test('finds the keys of a prefix and no others', async () => {
      const keys = ['a', 'a/', 'a/1', 'a/2', 'a/\u{1f600}', 'ab', 'b', 'A/1', '\u{1f600}'];
      for (const key of keys) await store().set(key, bytes('1'));
      expect(await keysOf('a/')).toEqual(['a/', 'a/1', 'a/2', 'a/\u{1f600}']);
      expect(await keysOf('a')).toEqual(['a', 'a/', 'a/1', 'a/2', 'a/\u{1f600}', 'ab']);
      expect(await keysOf('')).toEqual([...keys].sort());
      expect(await keysOf('none')).toEqual([]);
      expect(await keysOf('a/\u{1f600}')).toEqual(['a/\u{1f600}']);
    });

    test('takes a prefix literally', async () => {
      const odd = ['*', '?x', '[ab]', 'a\\b', 'a*', '^', '%', '{a}b'];
      for (const key of [...odd, 'ab', 'b']) await store().set(key, bytes('1'));
      for (const key of odd) expect(await keysOf(key)).toEqual([key]);
    });

    test('goes through many keys a page at a time', async () => {
      const keys = Array.from({ length: 1000 }, (_, n) => `many/${n}`);
      await times(1000, (n) => store().set(keys[n]!, bytes(`${n}`)));
      await times(300, (n) => store().set(`others/${n}`, bytes('x')));
      expect(await keysOf('many/', 64)).toEqual([...keys].sort());
    });

    test('goes on after a key of the page before was deleted', async () => {
      await times(50, (n) => store().set(`k${n}`, bytes('1')));
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page: Page = await store().scan('k', {
          limit: 7,
          ...(cursor !== undefined && { cursor }),
        });
        for (const { key } of page.entries) {
          seen.push(key);
          await store().delete(key);
        }
        cursor = page.next;
      } while (cursor !== undefined);
      expect(new Set(seen).size).toBe(50);
    });

    test('shows what each key holds, and nothing that has expired', async () => {
      await store().set('gone', bytes('1'), TTL_MS / 2);
      await store().set('value', bytes('{"a":1}'), TTL_MS);
      await store().windowAdd('window', 3, { perMs: HOUR_MS, slots: 2 });
      await advance(TTL_MS / 2);
      const found = new Map((await pages('', 10)).map(({ key, sight }) => [key, sight]));
      expect([...found.keys()].sort()).toEqual(['value', 'window']);
      expect(found.get('value')).toMatchObject({ kind: 'value', value: bytes('{"a":1}') });
      expect(found.get('value')?.ttlMs).toBeLessThanOrEqual(TTL_MS / 2);
      expect(found.get('window')).toMatchObject({ kind: 'window', sum: 3 });
    });

    test('goes on nowhere but below its prefix', async () => {
      await store().set('a/secret', bytes('1'));
      await times(5, (n) => store().set(`b/${n}`, bytes('1')));
      for (const cursor of ['', 'AA', Buffer.from('a/').toString('base64url'), '0', ':1', '!?']) {
        const page = await store()
          .scan('b/', { limit: 3, cursor })
          .catch((error: KvError) => error);
        if (page instanceof KvError) expect(page.code).toBe('ERR_KV_ARGUMENT');
        else expect(page.entries.every(({ key }) => key.startsWith('b/'))).toBe(true);
      }
      expect(await keysOf('b/')).toHaveLength(5);
    });

    test('of no proper prefix is refused', async () => {
      expect(await codeOf(store().scan('\ud83d', { limit: 10 }))).toBe('ERR_KV_KEY');
    });
  });
}
