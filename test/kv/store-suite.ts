import { KvError, type KvErrorCode } from '../../src/kv/errors.ts';
import type { Store, StoreOptions } from '../../src/kv/store.ts';

/** What the suite needs of a store beside the contract: how much it holds, and a sweep at will. */
export interface SweepableStore extends Store {
  readonly size: number;
  sweep(): Promise<boolean>;
}

const bytes = (text: string) => Buffer.from(text);

/** Does something `count` times at once. */
const times = <Result>(count: number, task: (n: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => task(n)));

/** The behaviour that every store has. `open` gives an empty store. */
export function describeStore(
  kind: string,
  open: (options: StoreOptions) => Promise<SweepableStore>,
): void {
  describe(`a ${kind} store`, () => {
    let nowMs: number;
    let store: SweepableStore;

    beforeEach(async () => {
      nowMs = 1_700_000_000_000;
      store = await open({ now: () => nowMs, sweepEveryMs: 0 });
    });
    afterEach(() => store.close());

    const text = async (key: string) => (await store.get(key))?.toString();
    const code = async (promise: Promise<unknown>): Promise<KvErrorCode | 'no error'> => {
      const error = await promise.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(KvError);
      return error === undefined ? 'no error' : (error as KvError).code;
    };

    test('says what it is', () => {
      expect(store.kind).toBe(kind);
    });

    describe('get and set', () => {
      test('give back what was set', async () => {
        await store.set('a', bytes('one'));
        expect(await text('a')).toBe('one');
        await store.set('a', bytes('two'));
        expect(await text('a')).toBe('two');
      });

      test('know nothing of other keys', async () => {
        await store.set('a', bytes('one'));
        expect(await store.get('A')).toBeUndefined();
        expect(await store.get('aa')).toBeUndefined();
      });

      test('keep any bytes, none included', async () => {
        const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
        await store.set('all', all);
        await store.set('none', Buffer.alloc(0));
        expect(await store.get('all')).toEqual(all);
        expect(await store.get('none')).toEqual(Buffer.alloc(0));
      });

      test('share no memory with the caller', async () => {
        const value = bytes('mine');
        const setting = store.set('a', value);
        value.fill('x');
        await setting;
        const first = (await store.get('a'))!;
        expect(first.toString()).toBe('mine');
        first.fill('y');
        expect(await text('a')).toBe('mine');
      });

      test('take a view of a larger buffer for what it shows', async () => {
        await store.set('a', new Uint8Array(bytes('..view..').buffer, bytes('').byteOffset, 0));
        await store.set('b', bytes('..view..').subarray(2, 6));
        expect(await text('a')).toBe('');
        expect(await text('b')).toBe('view');
      });
    });

    describe('keys', () => {
      test.each(['a', ' ', 'a:b/c', 'käse', '\u{1f600}', 'nul\0inside', '\0', 'a'.repeat(1024)])(
        'may be %j',
        async (key) => {
          await store.set(key, bytes('x'), 1000);
          expect(await text(key)).toBe('x');
          expect(await store.delete(key)).toBe(true);
          expect(await store.get(key)).toBeUndefined();
        },
      );

      test.each([
        ['nothing', ''],
        ['1025 bytes', 'a'.repeat(1025)],
        ['513 letters of 2 bytes', 'ä'.repeat(513)],
        ['half a character', '\ud83d'],
        ['a number', 5 as unknown as string],
      ])('must not be %s', async (_what, key) => {
        expect(await code(store.get(key))).toBe('ERR_KV_KEY');
        expect(await code(store.set(key, bytes('x')))).toBe('ERR_KV_KEY');
        expect(await code(store.add(key, bytes('x')))).toBe('ERR_KV_KEY');
        expect(await code(store.incr(key, 1))).toBe('ERR_KV_KEY');
        expect(await code(store.delete(key))).toBe('ERR_KV_KEY');
      });
    });

    describe('values', () => {
      test('may have 1 MB, and not a byte more', async () => {
        const most = Buffer.alloc(1024 ** 2, 7);
        await store.set('a', most);
        expect((await store.get('a'))?.equals(most)).toBe(true);
        const more = Buffer.alloc(1024 ** 2 + 1);
        expect(await code(store.set('a', more))).toBe('ERR_KV_VALUE');
        expect(await code(store.add('b', more))).toBe('ERR_KV_VALUE');
        expect(await store.get('b')).toBeUndefined();
      });

      test('must be bytes', async () => {
        expect(await code(store.set('a', 'text' as unknown as Buffer))).toBe('ERR_KV_VALUE');
      });
    });

    describe('a time to live', () => {
      test('ends to the millisecond', async () => {
        await store.set('a', bytes('x'), 1000);
        nowMs += 999;
        expect(await text('a')).toBe('x');
        nowMs += 1;
        expect(await store.get('a')).toBeUndefined();
        expect(await store.delete('a')).toBe(false);
      });

      test('is renewed by a set with one, and cleared by a set without', async () => {
        await store.set('renewed', bytes('1'), 1000);
        await store.set('cleared', bytes('1'), 1000);
        nowMs += 900;
        await store.set('renewed', bytes('2'), 1000);
        await store.set('cleared', bytes('2'));
        nowMs += 900;
        expect(await text('renewed')).toBe('2');
        expect(await text('cleared')).toBe('2');
        nowMs += 10 ** 12;
        expect(await store.get('renewed')).toBeUndefined();
        expect(await text('cleared')).toBe('2');
      });

      test('may be as long as one likes', async () => {
        await store.set('a', bytes('x'), 1e300);
        nowMs += 10 ** 13;
        expect(await text('a')).toBe('x');
      });

      test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
        'of %p is refused',
        async (ttlMs) => {
          expect(await code(store.set('a', bytes('x'), ttlMs))).toBe('ERR_KV_TTL');
          expect(await code(store.add('a', bytes('x'), ttlMs))).toBe('ERR_KV_TTL');
          expect(await code(store.incr('a', 1, ttlMs))).toBe('ERR_KV_TTL');
          expect(await store.get('a')).toBeUndefined();
        },
      );
    });

    describe('add', () => {
      test('sets what is absent and leaves what is there', async () => {
        expect(await store.add('a', bytes('one'))).toBe(true);
        expect(await store.add('a', bytes('two'))).toBe(false);
        expect(await text('a')).toBe('one');
      });

      test('takes an expired entry for absent', async () => {
        await store.set('a', bytes('old'), 10);
        nowMs += 10;
        expect(await store.add('a', bytes('new'), 10)).toBe(true);
        expect(await text('a')).toBe('new');
        nowMs += 10;
        expect(await store.get('a')).toBeUndefined();
      });

      test('has one winner among many at once', async () => {
        const wins = await times(50, (n) => store.add('a', bytes(`${n}`)));
        const won = wins.flatMap((win, n) => (win ? [`${n}`] : []));
        expect(won).toEqual([await text('a')]);
      });
    });

    describe('incr', () => {
      test('counts from nothing, up and down', async () => {
        expect(await store.incr('n', 1)).toBe(1);
        expect(await store.incr('n', 41)).toBe(42);
        expect(await store.incr('n', -50)).toBe(-8);
        expect(await store.incr('n', 0)).toBe(-8);
      });

      test('loses nothing among many at once', async () => {
        const sums = await times(200, () => store.incr('n', 1));
        expect(new Set(sums).size).toBe(200);
        expect(await text('n')).toBe('200');
      });

      test('keeps numbers as decimal text, and adds to such text', async () => {
        await store.incr('n', -12);
        expect(await text('n')).toBe('-12');
        await store.set('n', bytes('99'));
        expect(await store.incr('n', 1)).toBe(100);
      });

      test('sets the time to live when it makes the key, and never after', async () => {
        await store.incr('n', 1, 1000);
        nowMs += 600;
        expect(await store.incr('n', 1, 1000)).toBe(2);
        nowMs += 399;
        expect(await store.incr('n', 1)).toBe(3);
        nowMs += 1;
        expect(await store.get('n')).toBeUndefined();
        expect(await store.incr('n', 1, 1000)).toBe(1);
        nowMs += 1000;
        expect(await store.get('n')).toBeUndefined();
      });

      test('without a time to live makes a key that stays, whatever comes later', async () => {
        await store.incr('n', 1);
        await store.incr('n', 1, 1000);
        nowMs += 10 ** 12;
        expect(await text('n')).toBe('2');
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
        await store.set('n', bytes(value));
        expect(await code(store.incr('n', 1))).toBe('ERR_KV_NOT_A_NUMBER');
        expect(await text('n')).toBe(value);
      });

      test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
        'refuses to add %p',
        async (by) => {
          await expect(store.incr('n', by)).rejects.toMatchObject({
            code: 'ERR_KV_NOT_A_NUMBER',
            message: expect.stringContaining(
              `expected a whole number to add, within 2^53, got ${by}`,
            ),
          });
          expect(await store.get('n')).toBeUndefined();
        },
      );

      test('refuses a sum that would not be exact', async () => {
        await store.incr('n', Number.MAX_SAFE_INTEGER);
        expect(await code(store.incr('n', 1))).toBe('ERR_KV_NOT_A_NUMBER');
        expect(await store.incr('n', -1)).toBe(Number.MAX_SAFE_INTEGER - 1);
      });
    });

    describe('delete', () => {
      test('tells whether something was there', async () => {
        await store.set('a', bytes('x'));
        expect(await store.delete('a')).toBe(true);
        expect(await store.delete('a')).toBe(false);
        expect(await store.get('a')).toBeUndefined();
      });

      test('takes the time to live with it', async () => {
        await store.set('a', bytes('x'), 1000);
        await store.delete('a');
        await store.set('a', bytes('y'));
        nowMs += 1000;
        await sweepAll();
        expect(await text('a')).toBe('y');
      });
    });

    const sweepAll = async () => {
      while (await store.sweep());
    };

    describe('a sweep', () => {
      test('removes what has expired, and only that', async () => {
        await times(700, (n) => store.set(`gone ${n}`, bytes('x'), 1000 + n));
        await store.set('later', bytes('x'), 2000);
        await store.set('for good', bytes('x'));
        await store.set('renewed', bytes('x'), 1000);
        await store.set('renewed', bytes('x'), 5000);
        await store.incr('count', 1, 1000);
        nowMs += 1999;
        expect(store.size).toBe(704);
        await sweepAll();
        expect(store.size).toBe(3);
        expect(await text('later')).toBe('x');
        expect(await text('for good')).toBe('x');
        expect(await text('renewed')).toBe('x');
      });

      test('does a part of the work at a time', async () => {
        await times(700, (n) => store.set(`gone ${n}`, bytes('x'), 1000));
        nowMs += 1000;
        expect(await store.sweep()).toBe(true);
        expect(store.size).toBeGreaterThanOrEqual(400);
        expect(store.size).toBeLessThan(700);
      });
    });

    test('once closed refuses everything, and may be closed again', async () => {
      await store.close();
      await store.close();
      for (const attempt of [
        store.get('a'),
        store.set('a', bytes('x')),
        store.add('a', bytes('x')),
        store.incr('a', 1),
        store.delete('a'),
      ]) {
        expect(await code(attempt)).toBe('ERR_KV_UNAVAILABLE');
      }
    });
  });

  test(`a ${kind} store sweeps by itself in the background`, async () => {
    let nowMs = 1000;
    const store = await open({ now: () => nowMs, sweepEveryMs: 1 });
    await times(600, (n) => store.set(`key ${n}`, bytes('x'), 1000));
    nowMs += 1000;
    while (store.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await store.close();
  });
}
