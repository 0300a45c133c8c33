import {
  bytes,
  codeOf,
  type StoreKind,
  type StoreUnderTest,
  TTL_MS,
  textAt,
  times,
} from './kind.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** rate, window, distinct and lease. */
export function describePrimitives({ grainMs }: StoreKind, opened: () => StoreUnderTest): void {
  const store = () => opened().store;
  const advance = (ms: number) => opened().advance(ms);
  /** The number of calls that are allowed, of so many at once. */
  const allowedOf = async (count: number, limit: Parameters<ReturnType<typeof store>['rate']>[1]) =>
    (await times(count, () => store().rate('r', limit))).filter(({ allowed }) => allowed).length;

  describe('rate', () => {
    const limit = { limit: 60, perMs: HOUR_MS };

    test('allows the limit at once, and then one for each part of the period', async () => {
      expect(await allowedOf(70, limit)).toBe(60);
      const refused = await store().rate('r', limit);
      expect(refused).toMatchObject({ allowed: false, remaining: 0 });
      expect(refused.retryAfterMs).toBeLessThanOrEqual(MINUTE_MS);
      expect(refused.retryAfterMs).toBeGreaterThan(MINUTE_MS - grainMs);
      await advance(MINUTE_MS);
      expect(await allowedOf(3, limit)).toBe(1);
      await advance(10 * MINUTE_MS);
      expect(await allowedOf(20, limit)).toBe(10);
    });

    test('allows who waited just as long as they were told', async () => {
      const seventh = { limit: 7, perMs: HOUR_MS };
      expect(await allowedOf(8, seventh)).toBe(7);
      for (let round = 0; round < 5; round++) {
        const { retryAfterMs } = await store().rate('r', seventh);
        await advance(Math.ceil(retryAfterMs));
        expect((await store().rate('r', seventh)).allowed).toBe(true);
      }
    });

    test('tells how many more there are', async () => {
      expect(await store().rate('r', limit)).toEqual({
        allowed: true,
        remaining: 59,
        retryAfterMs: 0,
      });
      expect((await store().rate('r', { ...limit, cost: 9 })).remaining).toBe(50);
      expect((await store().rate('r', { ...limit, cost: 0 })).remaining).toBe(50);
    });

    test('has a burst of its own, and costs', async () => {
      const bursting = { ...limit, burst: 5 };
      expect(await allowedOf(10, bursting)).toBe(5);
      await advance(HOUR_MS);
      expect((await store().rate('r', { ...bursting, cost: 4 })).allowed).toBe(true);
      expect(await store().rate('r', { ...bursting, cost: 2 })).toMatchObject({
        allowed: false,
        remaining: 1,
      });
      expect((await store().rate('r', { ...bursting, cost: 1 })).allowed).toBe(true);
    });

    test('what is refused costs nothing', async () => {
      await allowedOf(60, limit);
      await allowedOf(100, limit);
      await advance(MINUTE_MS);
      expect((await store().rate('r', limit)).allowed).toBe(true);
    });

    test('never loses its time to live, and is gone when it is empty', async () => {
      await store().rate('r', limit);
      expect(await store().ttl('r')).toBeLessThanOrEqual(MINUTE_MS);
      await times(9, () => store().rate('r', limit));
      expect(await store().ttl('r')).toBeLessThanOrEqual(10 * MINUTE_MS);
      expect(await store().ttl('r')).toBeGreaterThan(10 * MINUTE_MS - grainMs);
      await advance(10 * MINUTE_MS);
      expect(await store().has('r')).toBe(false);
    });

    test('keeps keys apart, and delete begins anew', async () => {
      expect(await allowedOf(60, limit)).toBe(60);
      expect((await store().rate('other', limit)).allowed).toBe(true);
      expect(await store().delete('r')).toBe(true);
      expect(await allowedOf(61, limit)).toBe(60);
    });

    test.each([
      { limit: 0, perMs: 1000 },
      { limit: -1, perMs: 1000 },
      { limit: Number.NaN, perMs: 1000 },
      { limit: 1, perMs: 0 },
      { limit: 1, perMs: Number.POSITIVE_INFINITY },
      { limit: 1, perMs: 1000, burst: 0 },
      { limit: 1, perMs: 1000, cost: -1 },
      { limit: 5, perMs: 1000, burst: 3, cost: 4 },
    ])('of %p is refused', async (senseless) => {
      expect(await codeOf(store().rate('r', senseless))).toBe('ERR_KV_ARGUMENT');
      expect(await store().has('r')).toBe(false);
    });
  });

  describe('window', () => {
    const hour = { perMs: HOUR_MS, slots: 60 };

    test('sums what was added', async () => {
      expect(await store().windowSum('w', hour)).toBe(0);
      expect(await store().windowAdd('w', 3, hour)).toBe(3);
      expect(await store().windowAdd('w', 4, hour)).toBe(7);
      expect(await store().windowAdd('w', -2, hour)).toBe(5);
      expect(await store().windowAdd('w', 0, hour)).toBe(5);
      expect(await store().windowSum('w', hour)).toBe(5);
    });

    test('slides: what was added counts for the period and no longer', async () => {
      await store().windowAdd('w', 1, hour);
      await advance(20 * MINUTE_MS);
      await store().windowAdd('w', 10, hour);
      await advance(39 * MINUTE_MS - grainMs);
      expect(await store().windowSum('w', hour)).toBe(11);
      await advance(MINUTE_MS + grainMs);
      expect(await store().windowSum('w', hour)).toBe(10);
      expect(await store().windowAdd('w', 100, hour)).toBe(110);
      await advance(20 * MINUTE_MS);
      expect(await store().windowSum('w', hour)).toBe(100);
      await advance(40 * MINUTE_MS);
      expect(await store().windowSum('w', hour)).toBe(0);
      expect(await store().has('w')).toBe(false);
    });

    test('adds up what many add at once', async () => {
      await times(100, (n) => store().windowAdd('w', n, hour));
      expect(await store().windowSum('w', hour)).toBe(4950);
    });

    test('never loses its time to live', async () => {
      await store().windowAdd('w', 1, hour);
      for (let n = 0; n < 3; n++) {
        await advance(10 * MINUTE_MS);
        await store().windowAdd('w', 1, hour);
        const left = (await store().ttl('w'))!;
        expect(left).toBeLessThanOrEqual(HOUR_MS);
        expect(left).toBeGreaterThan(HOUR_MS - MINUTE_MS - grainMs);
      }
    });

    test('of another number of slots goes on with the sum', async () => {
      await store().windowAdd('w', 5, hour);
      expect(await store().windowAdd('w', 1, { perMs: HOUR_MS, slots: 7 })).toBe(6);
    });

    test('refuses sums that would not be exact', async () => {
      await store().windowAdd('w', Number.MAX_SAFE_INTEGER, hour);
      expect(await codeOf(store().windowAdd('w', 1, hour))).toBe('ERR_KV_NOT_A_NUMBER');
      expect(await store().windowSum('w', hour)).toBe(Number.MAX_SAFE_INTEGER);
    });

    test.each([
      { perMs: 0, slots: 10 },
      { perMs: HOUR_MS, slots: 0 },
      { perMs: HOUR_MS, slots: 1.5 },
      { perMs: HOUR_MS, slots: 100_000 },
    ])('of %p is refused', async (senseless) => {
      expect(await codeOf(store().windowAdd('w', 1, senseless))).toBe('ERR_KV_ARGUMENT');
      expect(await codeOf(store().windowSum('w', senseless))).toBe('ERR_KV_ARGUMENT');
    });

    test('refuses parts', async () => {
      expect(await codeOf(store().windowAdd('w', 0.5, hour))).toBe('ERR_KV_NOT_A_NUMBER');
    });
  });

  describe('distinct', () => {
    test('counts each member once', async () => {
      expect(await store().distinctCount('d', HOUR_MS)).toBe(0);
      expect(await store().distinctAdd('d', 'ann', HOUR_MS)).toBe(1);
      expect(await store().distinctAdd('d', 'bob', HOUR_MS)).toBe(2);
      expect(await store().distinctAdd('d', 'ann', HOUR_MS)).toBe(2);
      expect(await store().distinctCount('d', HOUR_MS)).toBe(2);
    });

    test('takes any text for a member', async () => {
      const members = ['', ' ', '0', 'käse', '\0', 'x'.repeat(100_000), '__proto__', '#distinct'];
      for (const member of members) await store().distinctAdd('d', member, HOUR_MS);
      expect(await store().distinctCount('d', HOUR_MS)).toBe(members.length);
    });

    test('is exact while there are few', async () => {
      await times(1000, (n) => store().distinctAdd('d', `member ${n}`, HOUR_MS));
      await times(300, (n) => store().distinctAdd('d', `member ${n}`, HOUR_MS));
      expect(await store().distinctCount('d', HOUR_MS)).toBe(1000);
    });

    test('estimates when there are many, in bounded room', async () => {
      for (let from = 0; from < 12_000; from += 500)
        await times(500, (n) => store().distinctAdd('d', `member ${from + n}`, HOUR_MS));
      const count = await store().distinctCount('d', HOUR_MS);
      expect(count).toBeGreaterThan(12_000 * 0.9);
      expect(count).toBeLessThan(12_000 * 1.1);
    }, 60_000);

    test('forgets who was not seen for a period', async () => {
      await store().distinctAdd('d', 'ann', HOUR_MS);
      await store().distinctAdd('d', 'bob', HOUR_MS);
      await advance(40 * MINUTE_MS);
      await store().distinctAdd('d', 'bob', HOUR_MS);
      await advance(20 * MINUTE_MS);
      expect(await store().distinctCount('d', HOUR_MS)).toBe(1);
      expect(await store().distinctAdd('d', 'cid', HOUR_MS)).toBe(2);
      await advance(HOUR_MS);
      expect(await store().distinctCount('d', HOUR_MS)).toBe(0);
      expect(await store().has('d')).toBe(false);
    });

    test('is exact again when a crowd has passed', async () => {
      for (let from = 0; from < 3000; from += 500)
        await times(500, (n) => store().distinctAdd('d', `crowd ${from + n}`, HOUR_MS));
      // As after a crowd there are always a few, for some periods.
      for (let half = 0; half < 10; half++) {
        await advance(HOUR_MS / 2);
        await times(10, (n) => store().distinctAdd('d', `regular ${n}`, HOUR_MS));
      }
      expect(await store().distinctCount('d', HOUR_MS)).toBe(10);
    });

    test('of no period is refused', async () => {
      expect(await codeOf(store().distinctAdd('d', 'ann', 0))).toBe('ERR_KV_ARGUMENT');
      expect(await codeOf(store().distinctCount('d', Number.NaN))).toBe('ERR_KV_ARGUMENT');
    });
  });

  describe('lease', () => {
    const terms = { limit: 2, ttlMs: TTL_MS };

    test('gives out so many places and no more', async () => {
      expect(await store().leaseAcquire('l', 'a', terms)).toEqual({ acquired: true, count: 1 });
      expect(await store().leaseAcquire('l', 'b', terms)).toEqual({ acquired: true, count: 2 });
      expect(await store().leaseAcquire('l', 'c', terms)).toEqual({ acquired: false, count: 2 });
      expect(await store().leaseRelease('l', 'a')).toBe(true);
      expect(await store().leaseAcquire('l', 'c', terms)).toEqual({ acquired: true, count: 2 });
    });

    test('gives out exactly the places when many want one at once', async () => {
      const answers = await times(50, (n) =>
        store().leaseAcquire('l', `holder-${n}`, { ...terms, limit: 20 }),
      );
      expect(answers.filter(({ acquired }) => acquired)).toHaveLength(20);
    });

    test('a holder has one place, however often it asks', async () => {
      await store().leaseAcquire('l', 'a', terms);
      expect(await store().leaseAcquire('l', 'a', terms)).toEqual({ acquired: true, count: 1 });
      await store().leaseAcquire('l', 'b', terms);
      expect(await store().leaseAcquire('l', 'a', terms)).toEqual({ acquired: true, count: 2 });
    });

    test('a place that is not renewed is free again after its time', async () => {
      await store().leaseAcquire('l', 'a', terms);
      await advance(TTL_MS / 2);
      await store().leaseAcquire('l', 'b', terms);
      await advance(TTL_MS / 2 - grainMs);
      expect((await store().leaseAcquire('l', 'c', terms)).acquired).toBe(false);
      await advance(grainMs);
      expect(await store().leaseAcquire('l', 'c', terms)).toEqual({ acquired: true, count: 2 });
    });

    test('a renewed place is kept, a lost one is not', async () => {
      await store().leaseAcquire('l', 'a', terms);
      for (let third = 0; third < 6; third++) {
        await advance(0.3 * TTL_MS);
        expect(await store().leaseRenew('l', 'a', TTL_MS)).toBe(true);
      }
      await advance(TTL_MS);
      expect(await store().leaseRenew('l', 'a', TTL_MS)).toBe(false);
      expect(await store().has('l')).toBe(false);
    });

    test('what nobody holds cannot be renewed or released', async () => {
      expect(await store().leaseRenew('l', 'a', TTL_MS)).toBe(false);
      expect(await store().leaseRelease('l', 'a')).toBe(false);
      await store().leaseAcquire('l', 'a', terms);
      expect(await store().leaseRelease('l', 'constructor')).toBe(false);
      expect(await store().leaseRelease('l', 'a')).toBe(true);
      expect(await store().leaseRelease('l', 'a')).toBe(false);
      expect(await store().has('l')).toBe(false);
    });

    test('lives as long as its last place', async () => {
      await store().leaseAcquire('l', 'a', { limit: 5, ttlMs: TTL_MS });
      await store().leaseAcquire('l', 'b', { limit: 5, ttlMs: TTL_MS / 10 });
      expect(await store().ttl('l')).toBeGreaterThan(TTL_MS - grainMs);
      await store().leaseRelease('l', 'a');
      expect(await store().ttl('l')).toBeLessThanOrEqual(TTL_MS / 10);
    });

    test('of no places is never had, and senseless terms are refused', async () => {
      expect(await store().leaseAcquire('l', 'a', { limit: 0, ttlMs: TTL_MS })).toEqual({
        acquired: false,
        count: 0,
      });
      const senseless = { limit: -1, ttlMs: TTL_MS };
      expect(await codeOf(store().leaseAcquire('l', 'a', senseless))).toBe('ERR_KV_ARGUMENT');
      expect(await codeOf(store().leaseAcquire('l', '', terms))).toBe('ERR_KV_ARGUMENT');
      expect(await codeOf(store().leaseAcquire('l', '#a', terms))).toBe('ERR_KV_ARGUMENT');
      expect(await codeOf(store().leaseAcquire('l', 'a', { limit: 1, ttlMs: 0 }))).toBe(
        'ERR_KV_TTL',
      );
    });
  });

  describe('a key of another kind', () => {
    const makers = {
      value: () => store().set('k', bytes('"x"')),
      rate: () => store().rate('k', { limit: 5, perMs: HOUR_MS }),
      window: () => store().windowAdd('k', 1, { perMs: HOUR_MS, slots: 10 }),
      distinct: () => store().distinctAdd('k', 'ann', HOUR_MS),
      lease: () => store().leaseAcquire('k', 'a', { limit: 1, ttlMs: TTL_MS }),
    };
    const users = {
      value: () => store().get('k'),
      rate: makers.rate,
      window: makers.window,
      distinct: makers.distinct,
      lease: makers.lease,
    };
    const kinds = Object.keys(makers) as (keyof typeof makers)[];

    test.each(kinds)('than a %s is not touched, and named', async (kind) => {
      await makers[kind]();
      for (const other of kinds.filter((each) => each !== kind)) {
        const error = await users[other]().catch((reason: unknown) => reason);
        expect(error).toMatchObject({
          code: 'ERR_KV_TYPE',
          message: expect.stringContaining(`expected a ${other}, but the key holds a ${kind}`),
        });
      }
      if (kind !== 'value') expect(await codeOf(store().incr('k', 1))).toBe('ERR_KV_TYPE');
      if (kind !== 'value')
        expect(await codeOf(store().cas('k', bytes('1'), bytes('2')))).toBe('ERR_KV_TYPE');
      expect(await store().has('k')).toBe(true);
      expect(await store().add('k', bytes('1'))).toBe(false);
      await store().set('k', bytes('2'));
      expect(await textAt(store(), 'k')).toBe('2');
      expect(await store().ttl('k')).toBeUndefined();
    });

    test.each(kinds)('than a value can be looked at, expired and deleted: %s', async (kind) => {
      await makers[kind]();
      expect((await store().look('k'))?.kind).toBe(kind);
      expect(await store().expire('k', TTL_MS / 10)).toBe(true);
      expect(await store().ttl('k')).toBeLessThanOrEqual(TTL_MS / 10);
      expect(await store().delete('k')).toBe(true);
      expect(await store().look('k')).toBeUndefined();
    });
  });
}
