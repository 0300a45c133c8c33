import type { Store, StoreOptions } from '../../../src/kv/store.ts';
import { bytes, textAt, times } from './kind.ts';

/** A store that removes expired entries itself: how much it holds, and a sweep at will. */
export interface SweepableStore extends Store {
  readonly size: number;
  sweep(): Promise<boolean>;
}

/** What a store does that has to tidy up by itself. `open` gives an empty one. */
export function describeSweeping(
  kind: string,
  open: (options: StoreOptions) => Promise<SweepableStore>,
): void {
  describe(`a sweep of a ${kind} store`, () => {
    let nowMs: number;
    let store: SweepableStore;

    beforeEach(async () => {
      nowMs = 1_700_000_000_000;
      store = await open({ now: () => nowMs, sweepEveryMs: 0 });
    });
    afterEach(() => store.close());

    const sweepAll = async () => {
      while (await store.sweep());
    };

    test('removes what has expired, and only that', async () => {
      await times(700, (n) => store.set(`gone ${n}`, bytes('x'), 1000 + n));
      await store.set('later', bytes('x'), 2000);
      await store.set('for good', bytes('x'));
      await store.set('renewed', bytes('x'), 1000);
      await store.set('renewed', bytes('x'), 5000);
      await store.incr('count', 1, 1000);
      await store.rate('rate', { limit: 1, perMs: 1000 });
      nowMs += 1999;
      expect(store.size).toBe(705);
      await sweepAll();
      expect(store.size).toBe(3);
      expect(await textAt(store, 'later')).toBe('x');
      expect(await textAt(store, 'for good')).toBe('x');
      expect(await textAt(store, 'renewed')).toBe('x');
    });

    test('leaves alone what was deleted and set again without a time to live', async () => {
      await store.set('a', bytes('x'), 1000);
      await store.delete('a');
      await store.set('a', bytes('y'));
      await store.set('b', bytes('x'), 1000);
      await store.expire('b', 5000);
      nowMs += 1000;
      await sweepAll();
      expect(await textAt(store, 'a')).toBe('y');
      expect(await textAt(store, 'b')).toBe('x');
    });

    test('does a part of the work at a time', async () => {
      await times(700, (n) => store.set(`gone ${n}`, bytes('x'), 1000));
      nowMs += 1000;
      expect(await store.sweep()).toBe(true);
      expect(store.size).toBeGreaterThanOrEqual(400);
      expect(store.size).toBeLessThan(700);
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
