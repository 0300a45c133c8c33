import { codeOf, type StoreKind, type StoreUnderTest } from './kind.ts';
import { describePrimitives } from './primitives.ts';
import { describeShared } from './shared.ts';
import { describeSights } from './sights.ts';
import { describeValues } from './values.ts';

export type { StoreKind, StoreUnderTest } from './kind.ts';

/** The behaviour that every store has. */
export function describeStore(kind: StoreKind): void {
  describe(`a ${kind.kind} store`, () => {
    let opened: StoreUnderTest;

    beforeEach(async () => {
      opened = await kind.open();
    });
    afterEach(() => opened.close());

    test('says what it is', () => {
      expect(opened.store.kind).toBe(kind.kind);
    });

    describeValues(kind, () => opened);
    describePrimitives(kind, () => opened);
    describeSights(kind, () => opened);

    test('once closed refuses everything, and may be closed again', async () => {
      const { store } = opened;
      await store.close();
      await store.close();
      const value = Buffer.from('x');
      const span = { perMs: 1000, slots: 1 };
      for (const attempt of [
        store.get('a'),
        store.has('a'),
        store.set('a', value),
        store.add('a', value),
        store.cas('a', undefined, value),
        store.incr('a', 1),
        store.delete('a'),
        store.expire('a', 1000),
        store.ttl('a'),
        store.rate('a', { limit: 1, perMs: 1000 }),
        store.windowAdd('a', 1, span),
        store.windowSum('a', span),
        store.distinctAdd('a', 'b', 1000),
        store.distinctCount('a', 1000),
        store.leaseAcquire('a', 'b', { limit: 1, ttlMs: 1000 }),
        store.leaseRenew('a', 'b', 1000),
        store.leaseRelease('a', 'b'),
        store.look('a'),
        ...(kind.cannotScan ? [] : [store.scan('', { limit: 1 })]),
      ]) {
        expect(await codeOf(attempt)).toBe('ERR_KV_UNAVAILABLE');
      }
    });
  });

  describe(`a ${kind.kind} store`, () => {
    // A store of one process has nothing to share.
    if (kind.kind !== 'memory') describeShared(kind);
  });
}
