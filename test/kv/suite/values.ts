import {
  bytes,
  codeOf,
  type StoreKind,
  type StoreUnderTest,
  TTL_MS,
  textAt,
  times,
} from './kind.ts';

const YEARS_MS = 10 ** 11;

/** get, set, add, incr, delete and times to live. */
export function describeValues(
  { grainMs, maxValueBytes = 1024 ** 2 }: StoreKind,
  opened: () => StoreUnderTest,
): void {
  const store = () => opened().store;
  const advance = (ms: number) => opened().advance(ms);

  describe('get and set', () => {
    test('give back what was set', async () => {
      await store().set('a', bytes('one'));
      expect(await textAt(store(), 'a')).toBe('one');
      await store().set('a', bytes('two'));
      expect(await textAt(store(), 'a')).toBe('two');
    });

    test('know nothing of other keys', async () => {
      await store().set('a', bytes('one'));
      expect(await store().get('A')).toBeUndefined();
      expect(await store().get('aa')).toBeUndefined();
    });

    test('keep any bytes, none included', async () => {
      const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await store().set('all', all);
      await store().set('none', Buffer.alloc(0));
      expect(await store().get('all')).toEqual(all);
      expect(await store().get('none')).toEqual(Buffer.alloc(0));
    });

    test('share no memory with the caller', async () => {
      const value = bytes('mine');
      const setting = store().set('a', value);
      value.fill('x');
      await setting;
      const first = (await store().get('a'))!;
      expect(first.toString()).toBe('mine');
      first.fill('y');
      expect(await textAt(store(), 'a')).toBe('mine');
    });

    test('take a view of a larger buffer for what it shows', async () => {
      await store().set('a', new Uint8Array(bytes('..view..').buffer, bytes('').byteOffset, 0));
      await store().set('b', bytes('..view..').subarray(2, 6));
      expect(await textAt(store(), 'a')).toBe('');
      expect(await textAt(store(), 'b')).toBe('view');
    });
  });

  describe('keys', () => {
    test.each(['a', ' ', 'a:b/c', 'käse', '\u{1f600}', 'nul\0inside', '\0', 'a'.repeat(1024)])(
      'may be %j',
      async (key) => {
        await store().set(key, bytes('x'), TTL_MS);
        expect(await textAt(store(), key)).toBe('x');
        expect(await store().delete(key)).toBe(true);
        expect(await store().get(key)).toBeUndefined();
      },
    );

    test.each([
      ['nothing', ''],
      ['1025 bytes', 'a'.repeat(1025)],
      ['513 letters of 2 bytes', 'ä'.repeat(513)],
      ['half a character', '\ud83d'],
      ['a number', 5 as unknown as string],
    ])('must not be %s', async (_what, key) => {
      expect(await codeOf(store().get(key))).toBe('ERR_KV_KEY');
      expect(await codeOf(store().set(key, bytes('x')))).toBe('ERR_KV_KEY');
      expect(await codeOf(store().add(key, bytes('x')))).toBe('ERR_KV_KEY');
      expect(await codeOf(store().incr(key, 1))).toBe('ERR_KV_KEY');
      expect(await codeOf(store().delete(key))).toBe('ERR_KV_KEY');
    });
  });

  describe('values', () => {
    test('may have 1 MB or what the store takes, and not a byte more than 1 MB', async () => {
      const most = Buffer.alloc(maxValueBytes, 7);
      await store().set('a', most);
      expect((await store().get('a'))?.equals(most)).toBe(true);
      const more = Buffer.alloc(1024 ** 2 + 1, 7);
      expect(await codeOf(store().set('a', more))).toBe('ERR_KV_VALUE');
      expect(await codeOf(store().add('b', more))).toBe('ERR_KV_VALUE');
      expect(await store().get('b')).toBeUndefined();
    });

    test('never begin with the mark of a state', async () => {
      expect(await codeOf(store().set('a', Buffer.of(1, 2)))).toBe('ERR_KV_VALUE');
      expect(await codeOf(store().add('a', Buffer.of(1)))).toBe('ERR_KV_VALUE');
      expect(await codeOf(store().cas('a', undefined, Buffer.of(1)))).toBe('ERR_KV_VALUE');
    });

    test('must be bytes', async () => {
      expect(await codeOf(store().set('a', 'text' as unknown as Buffer))).toBe('ERR_KV_VALUE');
    });
  });

  describe('a time to live', () => {
    test('ends when it is over, and not before', async () => {
      await store().set('a', bytes('x'), TTL_MS);
      await advance(TTL_MS - grainMs);
      expect(await textAt(store(), 'a')).toBe('x');
      await advance(grainMs);
      expect(await store().get('a')).toBeUndefined();
      expect(await store().delete('a')).toBe(false);
    });

    test('is renewed by a set with one, and cleared by a set without', async () => {
      await store().set('renewed', bytes('1'), TTL_MS);
      await store().set('cleared', bytes('1'), TTL_MS);
      await advance(0.9 * TTL_MS);
      await store().set('renewed', bytes('2'), TTL_MS);
      await store().set('cleared', bytes('2'));
      await advance(0.9 * TTL_MS);
      expect(await textAt(store(), 'renewed')).toBe('2');
      expect(await textAt(store(), 'cleared')).toBe('2');
      await advance(YEARS_MS);
      expect(await store().get('renewed')).toBeUndefined();
      expect(await textAt(store(), 'cleared')).toBe('2');
    });

    test('may be as long as one likes', async () => {
      await store().set('a', bytes('x'), 1e300);
      await advance(YEARS_MS);
      expect(await textAt(store(), 'a')).toBe('x');
    });

    test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('of %p is refused', async (ttlMs) => {
      expect(await codeOf(store().set('a', bytes('x'), ttlMs))).toBe('ERR_KV_TTL');
      expect(await codeOf(store().add('a', bytes('x'), ttlMs))).toBe('ERR_KV_TTL');
      expect(await codeOf(store().incr('a', 1, ttlMs))).toBe('ERR_KV_TTL');
      expect(await store().get('a')).toBeUndefined();
    });
  });

  describe('add', () => {
    test('sets what is absent and leaves what is there', async () => {
      expect(await store().add('a', bytes('one'))).toBe(true);
      expect(await store().add('a', bytes('two'))).toBe(false);
      expect(await textAt(store(), 'a')).toBe('one');
    });

    test('takes an expired entry for absent', async () => {
      await store().set('a', bytes('old'), TTL_MS);
      await advance(TTL_MS);
      expect(await store().add('a', bytes('new'), TTL_MS)).toBe(true);
      expect(await textAt(store(), 'a')).toBe('new');
      await advance(TTL_MS);
      expect(await store().get('a')).toBeUndefined();
    });

    test('has one winner among many at once', async () => {
      const wins = await times(50, (n) => store().add('a', bytes(`${n}`)));
      const won = wins.flatMap((win, n) => (win ? [`${n}`] : []));
      expect(won).toEqual([await textAt(store(), 'a')]);
    });
  });

  describe('incr', () => {
    test('counts from nothing, up and down', async () => {
      expect(await store().incr('n', 1)).toBe(1);
      expect(await store().incr('n', 41)).toBe(42);
      expect(await store().incr('n', -50)).toBe(-8);
      expect(await store().incr('n', 0)).toBe(-8);
    });

    test('loses nothing among many at once', async () => {
      const sums = await times(200, () => store().incr('n', 1));
      expect(new Set(sums).size).toBe(200);
      expect(await textAt(store(), 'n')).toBe('200');
    });

    test('keeps numbers as decimal text, and adds to such text', async () => {
      await store().incr('n', -12);
      expect(await textAt(store(), 'n')).toBe('-12');
      await store().set('n', bytes('99'));
      expect(await store().incr('n', 1)).toBe(100);
    });

    test('sets the time to live when it makes the key, and never after', async () => {
      await store().incr('n', 1, TTL_MS);
      await advance(0.6 * TTL_MS);
      expect(await store().incr('n', 1, TTL_MS)).toBe(2);
      await advance(0.4 * TTL_MS - grainMs);
      expect(await store().incr('n', 1)).toBe(3);
      await advance(grainMs);
      expect(await store().get('n')).toBeUndefined();
      expect(await store().incr('n', 1, TTL_MS)).toBe(1);
      await advance(TTL_MS);
      expect(await store().get('n')).toBeUndefined();
    });

    test('without a time to live makes a key that stays, whatever comes later', async () => {
      await store().incr('n', 1);
      await store().incr('n', 1, TTL_MS);
      await advance(YEARS_MS);
      expect(await textAt(store(), 'n')).toBe('2');
    });

    test.each([
      'one',
      '',
      '1.5',
      '1e3',
      '01',
      '+1',
      ' 1',
      '1 ',
      '\u00001',
      '9007199254740992',
      `1${'0'.repeat(40)}`,
    ])('refuses to add to %j, and leaves it', async (value) => {
      await store().set('n', bytes(value));
      expect(await codeOf(store().incr('n', 1))).toBe('ERR_KV_NOT_A_NUMBER');
      expect(await textAt(store(), 'n')).toBe(value);
    });

    test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
      'refuses to add %p',
      async (by) => {
        await expect(store().incr('n', by)).rejects.toMatchObject({
          code: 'ERR_KV_NOT_A_NUMBER',
          message: expect.stringContaining(
            `expected a whole number to add, within 2^53, got ${by}`,
          ),
        });
        expect(await store().get('n')).toBeUndefined();
      },
    );

    test('refuses a sum that would not be exact', async () => {
      await store().incr('n', Number.MAX_SAFE_INTEGER);
      expect(await codeOf(store().incr('n', 1))).toBe('ERR_KV_NOT_A_NUMBER');
      expect(await store().incr('n', -1)).toBe(Number.MAX_SAFE_INTEGER - 1);
    });
  });

  describe('delete', () => {
    test('tells whether something was there', async () => {
      await store().set('a', bytes('x'));
      expect(await store().delete('a')).toBe(true);
      expect(await store().delete('a')).toBe(false);
      expect(await store().get('a')).toBeUndefined();
    });

    test('takes the time to live with it', async () => {
      await store().set('a', bytes('x'), TTL_MS);
      await store().delete('a');
      await store().set('a', bytes('y'));
      await advance(TTL_MS);
      expect(await textAt(store(), 'a')).toBe('y');
    });
  });

  describe('cas', () => {
    test('sets a value that is as expected, and no other', async () => {
      await store().set('a', bytes('one'));
      expect(await store().cas('a', bytes('two'), bytes('three'))).toBe(false);
      expect(await textAt(store(), 'a')).toBe('one');
      expect(await store().cas('a', bytes('one'), bytes('two'))).toBe(true);
      expect(await textAt(store(), 'a')).toBe('two');
    });

    test('takes undefined for absent', async () => {
      expect(await store().cas('a', bytes('one'), bytes('two'))).toBe(false);
      expect(await store().cas('a', undefined, bytes('one'))).toBe(true);
      expect(await store().cas('a', undefined, bytes('two'))).toBe(false);
      expect(await textAt(store(), 'a')).toBe('one');
    });

    test('tells an empty value from none', async () => {
      expect(await store().cas('a', Buffer.alloc(0), bytes('one'))).toBe(false);
      await store().set('a', Buffer.alloc(0));
      expect(await store().cas('a', undefined, bytes('one'))).toBe(false);
      expect(await store().cas('a', Buffer.alloc(0), bytes('one'))).toBe(true);
    });

    test('sets the time to live like set', async () => {
      await store().cas('short', undefined, bytes('x'), TTL_MS);
      await store().set('long', bytes('x'), TTL_MS);
      await store().cas('long', bytes('x'), bytes('y'));
      await advance(TTL_MS);
      expect(await store().get('short')).toBeUndefined();
      expect(await textAt(store(), 'long')).toBe('y');
    });

    test('has one winner among many at once', async () => {
      await store().set('a', bytes('start'));
      const wins = await times(50, (n) => store().cas('a', bytes('start'), bytes(`${n}`)));
      expect(wins.filter((won) => won)).toHaveLength(1);
      expect(await textAt(store(), 'a')).toBe(`${wins.indexOf(true)}`);
    });
  });

  describe('has, expire and ttl', () => {
    test('tell of what is there and for how long', async () => {
      await store().set('a', bytes('x'), TTL_MS);
      await store().set('b', bytes('x'));
      expect(await store().has('a')).toBe(true);
      expect(await store().has('c')).toBe(false);
      expect(await store().ttl('b')).toBeUndefined();
      expect(await store().ttl('c')).toBeUndefined();
      await advance(0.5 * TTL_MS);
      const left = (await store().ttl('a'))!;
      expect(left).toBeLessThanOrEqual(0.5 * TTL_MS);
      expect(left).toBeGreaterThanOrEqual(0.5 * TTL_MS - grainMs);
      await advance(0.5 * TTL_MS);
      expect(await store().has('a')).toBe(false);
      expect(await store().ttl('a')).toBeUndefined();
    });

    test('expire gives a new time from now, to what is there', async () => {
      await store().set('a', bytes('x'));
      expect(await store().expire('a', TTL_MS)).toBe(true);
      expect(await store().expire('none', TTL_MS)).toBe(false);
      expect(await store().has('none')).toBe(false);
      await advance(TTL_MS - grainMs);
      expect(await textAt(store(), 'a')).toBe('x');
      expect(await store().expire('a', TTL_MS)).toBe(true);
      await advance(TTL_MS - grainMs);
      expect(await textAt(store(), 'a')).toBe('x');
      await advance(grainMs);
      expect(await store().has('a')).toBe(false);
      expect(await codeOf(store().expire('a', 0))).toBe('ERR_KV_TTL');
    });

    test('a counter that is expired early begins anew', async () => {
      await store().incr('n', 5, TTL_MS);
      await store().expire('n', TTL_MS / 10);
      await advance(TTL_MS / 10);
      expect(await store().incr('n', 1, TTL_MS)).toBe(1);
    });
  });
}
