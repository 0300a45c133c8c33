import fc from 'fast-check';
import { KvError } from '../../../src/kv/errors.ts';
import { MemoryStore } from '../../../src/kv/memory.ts';
import type { Store } from '../../../src/kv/store.ts';
import { type RedisServer, startRedis } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { closeStores, openRedis, urlOf } from './store.ts';

const MINUTE_MS = 60_000;
const key = fc.constantFrom('a', 'b');
const member = fc.integer({ min: 0, max: 6 }).map(String);
const minutes = fc.integer({ min: 1, max: 10 }).map((n) => n * MINUTE_MS);
const small = fc.integer({ min: 1, max: 5 });

type Step = { readonly name: string; readonly run: (store: Store) => Promise<unknown> };

const step = <T extends unknown[]>(
  name: string,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  run: (store: Store, ...args: T) => Promise<unknown>,
): fc.Arbitrary<Step> =>
  fc.tuple(...args).map((given) => ({
    name: `${name}(${given.join(', ')})`,
    run: (store) => run(store, ...(given as unknown as T)).catch(codeOf),
  }));

const steps = fc.oneof(
  step(
    'rate',
    [key, small, minutes, fc.integer({ min: 0, max: 3 })],
    (store, k, limit, perMs, cost) =>
      store.rate(`r${k}`, { limit, perMs, burst: limit + 3, cost }).then(roughly),
  ),
  step('windowAdd', [key, fc.integer({ min: -3, max: 9 }), minutes], (store, k, n, perMs) =>
    store.windowAdd(`w${k}`, n, { perMs: 10 * perMs, slots: 10 }),
  ),
  step('windowSum', [key, minutes], (store, k, perMs) =>
    store.windowSum(`w${k}`, { perMs: 10 * perMs, slots: 10 }),
  ),
  step('distinctAdd', [key, member, minutes], (store, k, who, perMs) =>
    store.distinctAdd(`d${k}`, who, perMs),
  ),
  step('distinctCount', [key, minutes], (store, k, perMs) => store.distinctCount(`d${k}`, perMs)),
  step('acquire', [key, member, small, minutes], (store, k, who, limit, ttlMs) =>
    store.leaseAcquire(`l${k}`, who, { limit, ttlMs }),
  ),
  step('renew', [key, member, minutes], (store, k, who, ttlMs) =>
    store.leaseRenew(`l${k}`, who, ttlMs),
  ),
  step('release', [key, member], (store, k, who) => store.leaseRelease(`l${k}`, who)),
  step('incr', [key, fc.integer({ min: -2, max: 2 }), minutes], (store, k, by, ttlMs) =>
    store.incr(`n${k}`, by, ttlMs),
  ),
  step('expire', [fc.constantFrom('ra', 'wa', 'da', 'la', 'na'), minutes], (store, k, ttlMs) =>
    store.expire(k, ttlMs),
  ),
  step('look', [fc.constantFrom('ra', 'wa', 'da', 'la', 'na')], (store, k) =>
    store.look(k).then(roughly),
  ),
  step('delete', [fc.constantFrom('ra', 'wa', 'da', 'la', 'na')], (store, k) => store.delete(k)),
  step('rate on a lease', [key], (store, k) =>
    store.rate(`l${k}`, { limit: 1, perMs: 100 * MINUTE_MS }).then(roughly),
  ),
);

const codeOf = (error: unknown) => (error instanceof KvError ? error.code : String(error));

/** Times in whole minutes: what real time may pass meanwhile is seconds. */
function roughly(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer ?? null, (name, value) => {
      if (name === 'holders') return [...value].sort((a, b) => (a.holder < b.holder ? -1 : 1));
      return /Ms$|^used$/.test(name)
        ? Math.round(value / (name === 'used' ? 1 : MINUTE_MS))
        : value;
    }),
  );
}

describeWith(['redis-server'], 'Redis and a memory store with the same clock', () => {
  let server: RedisServer;
  afterEach(closeStores);
  beforeAll(async () => {
    server = await startRedis({ clock: true });
  });
  afterAll(() => server?.stop());

  test('give the same answers', async () => {
    const redis = openRedis(urlOf(server));
    const whole = fc.record({
      step: steps,
      // Half a minute beyond whole ones, so that nothing is due just now.
      pauseMs: fc.constantFrom(0, 0, 0, 1.5 * MINUTE_MS, 4.5 * MINUTE_MS),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(whole, { minLength: 5, maxLength: 40 }), async (sequence) => {
        await server.cli('FLUSHALL');
        // A whole window slot of the longest kind begins now.
        const startMs = await atSlotBegin(server);
        const began = performance.now();
        let aheadMs = 0;
        const memory = new MemoryStore({
          now: () => Math.floor(startMs + aheadMs + performance.now() - began),
          sweepEveryMs: 0,
        });
        for (const { step, pauseMs } of sequence) {
          if (pauseMs > 0) {
            await server.advance(pauseMs);
            aheadMs += pauseMs;
          }
          const [one, other] = await Promise.all([step.run(redis), step.run(memory)]);
          expect({ [step.name]: one }).toEqual({ [step.name]: other });
        }
        await memory.close();
      }),
      { numRuns: 40 },
    );
    await redis.close();
  }, 120_000);

  test('count crowds alike', async () => {
    const redis = openRedis(urlOf(server));
    await server.cli('FLUSHALL');
    let nowMs = Date.now();
    const memory = new MemoryStore({ now: () => nowMs, sweepEveryMs: 0 });
    let n = 0;
    for (const [crowd, pauseMs] of [
      [3000, 30],
      [50, 31],
      [600, 40],
      [20, 61],
      [2500, 5],
      [5, 70],
      [40, 70],
    ] as const) {
      let last: unknown[] = [];
      for (let done = 0; done < crowd; done += 250) {
        const members = Array.from({ length: Math.min(250, crowd - done) }, () => `m${n++}`);
        const counts = (store: Store) =>
          Promise.all(members.map((each) => store.distinctAdd('d', each, 60 * MINUTE_MS)));
        last = await counts(redis);
        expect(last).toEqual(await counts(memory));
      }
      nowMs += pauseMs * MINUTE_MS;
      await server.advance(pauseMs * MINUTE_MS);
      const count = (store: Store) => store.distinctCount('d', 60 * MINUTE_MS);
      expect(await count(redis)).toBe(await count(memory));
      const shown = async (store: Store) => ({ ...(await store.look('d')), ttlMs: 0 });
      expect(await shown(redis)).toEqual(await shown(memory));
    }
    await redis.close();
    await memory.close();
  }, 60_000);
});

/** Sets the clock to the beginning of a slot of any length that is used; gives the time. */
async function atSlotBegin(server: RedisServer): Promise<number> {
  // Slots have whole minutes up to 10: all begin together every 2520 minutes.
  const together = 2520 * MINUTE_MS;
  const [seconds] = (await server.cli('TIME')).split('\n');
  const nowMs = Number(seconds) * 1000;
  await server.advance(Math.ceil(nowMs / together) * together - nowMs + 15_000);
  const [now, micros] = (await server.cli('TIME')).split('\n');
  return Number(now) * 1000 + Math.floor(Number(micros) / 1000);
}
