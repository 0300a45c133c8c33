import { KvError } from '../../src/kv/errors.ts';
import type { Store } from '../../src/kv/store.ts';

/** What several stores, each with its own connection, do to the same keys at the same time. */
export function describeContention(place: () => () => Store): void {
  let stores: readonly Store[];
  beforeEach(() => {
    const open = place();
    stores = Array.from({ length: 4 }, open);
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));

  const everywhere = <Answer>(count: number, task: (store: Store, n: number) => Promise<Answer>) =>
    Promise.all(stores.flatMap((store) => Array.from({ length: count }, (_, n) => task(store, n))));

  test('count exactly', async () => {
    const sums = await everywhere(100, (store) => store.incr('n', 1, 60_000));
    expect(sums.sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, n) => n + 1));
    expect(await stores[0]!.incr('n', 0)).toBe(400);
  });

  test('allow exactly a limit', async () => {
    const limit = { limit: 30, perMs: 3_600_000 };
    const answers = await everywhere(25, (store) => store.rate('r', limit));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(30);
  });

  test('have one winner of add, of cas and of delete', async () => {
    const winners = (answers: readonly boolean[]) => answers.filter((won) => won).length;
    const value = (store: Store, n: number) => Buffer.from(`${stores.indexOf(store)} ${n}`);
    expect(winners(await everywhere(10, (store, n) => store.add('a', value(store, n))))).toBe(1);
    const before = await stores[0]!.get('a');
    expect(
      winners(await everywhere(10, (store, n) => store.cas('a', before, value(store, n + 100)))),
    ).toBe(1);
    expect(winners(await everywhere(10, (store) => store.delete('a')))).toBe(1);
    expect(await stores[1]!.has('a')).toBe(false);
  });

  test('keep errors to those who made them', async () => {
    await stores[0]!.incr('n', 1);
    const results = await Promise.allSettled(
      stores.flatMap((store) => [
        store.incr('n', 1),
        store.rate('n', { limit: 1, perMs: 1000 }),
        store.incr('n', 1),
        store.incr('n', Number.MAX_SAFE_INTEGER),
      ]),
    );
    const codes = results.map((each) =>
      each.status === 'rejected' && each.reason instanceof KvError ? each.reason.code : each.status,
    );
    const each = ['fulfilled', 'ERR_KV_TYPE', 'fulfilled', 'ERR_KV_NOT_A_NUMBER'];
    expect(codes).toEqual([...each, ...each, ...each, ...each]);
    expect(await stores[0]!.incr('n', 0)).toBe(9);
  });

  test('leave changes that are made when the store is closed finished', async () => {
    const [first, second] = stores as [Store, Store];
    const changes = Promise.all(Array.from({ length: 20 }, () => first.incr('n', 1)));
    await first.get('n');
    await first.close();
    await changes;
    expect(await second.incr('n', 0)).toBe(20);
  });
}
