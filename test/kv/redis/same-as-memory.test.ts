import fc from 'fast-check';
import { KvError } from '../../../src/kv/errors.ts';
import { MemoryStore } from '../../../src/kv/memory.ts';
import type { Store } from '../../../src/kv/store.ts';
import { type RedisServer, startRedis } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { closeStores, openRedis, urlOf } from './store.ts';

const MINUTE_MS = 60_000;
const member = fc.constantFrom('x', 'y', 'z');
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

/** What is done with the keys `k` and, now and then, `other`, which is of another kind. */
const KEYS = fc.constantFrom('k', 'k', 'k', 'k', 'other');

const SUBJECTS = {
  rate: [
    step(
      'rate',
      [KEYS, small, minutes, fc.integer({ min: 0, max: 3 })],
      (store, key, limit, perMs, cost) =>
        store.rate(key, { limit, perMs, burst: limit + 3, cost }).then(roughly),
    ),
  ],
  window: [
    step('windowAdd', [KEYS, fc.integer({ min: -3, max: 9 }), minutes], (store, key, n, perMs) =>
      store.windowAdd(key, n, { perMs, slots: perMs / MINUTE_MS }),
    ),
    step('windowSum', [KEYS, minutes], (store, key, perMs) =>
      store.windowSum(key, { perMs, slots: perMs / MINUTE_MS }),
    ),
  ],
  distinct: [
    step('add', [KEYS, member, minutes], (store, key, who, perMs) =>
      store.distinctAdd(key, who, perMs),
    ),
    step('count', [KEYS, minutes], (store, key, perMs) => store.distinctCount(key, perMs)),
  ],
  lease: [
    step('acquire', [KEYS, member, small, minutes], (store, key, who, limit, ttlMs) =>
      store.leaseAcquire(key, who, { limit, ttlMs }),
    ),
    step('renew', [KEYS, member, minutes], (store, key, who, ttlMs) =>
      store.leaseRenew(key, who, ttlMs),
    ),
    step('release', [KEYS, member], (store, key, who) => store.leaseRelease(key, who)),
  ],
  value: [
    step('incr', [KEYS, fc.integer({ min: -2, max: 2 }), minutes], (store, key, by, ttlMs) =>
      store.incr(key, by, ttlMs),
    ),
    step('cas', [KEYS, fc.constantFrom('0', '1', '2'), minutes], (store, key, from, ttlMs) =>
      store.cas(key, Buffer.from(from), Buffer.from('1'), ttlMs),
    ),
  ],
};

const COMMON = [
  step('look', [KEYS], (store, key) => store.look(key).then(roughly)),
  step('expire', [KEYS, minutes], (store, key, ttlMs) => store.expire(key, ttlMs)),
  step('ttl', [KEYS], async (store, key) => Math.round(((await store.ttl(key)) ?? 0) / MINUTE_MS)),
];

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

  test.each(Object.entries(SUBJECTS))(
    'give the same answers: %s',
    async (subject, steps) => {
      const redis = openRedis(urlOf(server));
      const whole = fc.record({
        step: fc.oneof(...steps, ...steps, ...steps, ...COMMON),
        // Half a minute beyond whole ones, so that nothing is due just now.
        pauseMs: fc.constantFrom(0, 0, 0, 1.5 * MINUTE_MS, 4.5 * MINUTE_MS),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(whole, { minLength: 10, maxLength: 30 }), async (sequence) => {
          await server.cli('FLUSHALL');
          // A whole window slot of the longest kind begins now.
          const startMs = await atSlotBegin(server);
          const began = performance.now();
          let aheadMs = 0;
          const memory = new MemoryStore({
            now: () => Math.floor(startMs + aheadMs + performance.now() - began),
            sweepEveryMs: 0,
          });
          for (const store of [redis, memory]) {
            if (subject === 'value') await store.distinctAdd('other', 'x', 60 * MINUTE_MS);
            else await store.set('other', Buffer.from('"x"'));
          }
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
        { numRuns: 10 },
      );
      await redis.close();
    },
    120_000,
  );

  test('count crowds alike', async () => {
    const redis = openRedis(urlOf(server));
    await server.cli('FLUSHALL');
    let nowMs = Date.now();
    const memory = new MemoryStore({ now: () => nowMs, sweepEveryMs: 0 });
    let n = 0;
    // A crowd, then a few for some periods, then more again.
    const few = Array.from({ length: 12 }, () => [40, 20] as const);
    for (const [crowd, minutes] of [[3000, 30], ...few, [2500, 5], [5, 70], [40, 70]] as const) {
      for (let done = 0; done < crowd; done += 250) {
        const members = Array.from({ length: Math.min(250, crowd - done) }, () => `m${n++}`);
        const counts = (store: Store) =>
          Promise.all(members.map((each) => store.distinctAdd('d', each, 60 * MINUTE_MS)));
        expect(await counts(redis)).toEqual(await counts(memory));
      }
      nowMs += minutes * MINUTE_MS;
      await server.advance(minutes * MINUTE_MS);
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
