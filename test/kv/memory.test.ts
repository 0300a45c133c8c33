import { MemoryStore } from '../../src/kv/memory.ts';
import { describeStore } from './suite/store-suite.ts';
import { describeSweeping } from './suite/sweeping.ts';

describeStore({
  kind: 'memory',
  grainMs: 1,
  async open() {
    let nowMs = 1_700_000_000_000;
    const store = new MemoryStore({ now: () => nowMs, sweepEveryMs: 0 });
    const advance = async (ms: number) => {
      nowMs += ms;
    };
    return { store, advance, close: () => store.close() };
  },
  shared: () => Promise.reject(new Error('a memory store belongs to one process')),
});

describeSweeping('memory', async (options) => new MemoryStore(options));

test('a rate tells how long to wait after its clock was set back', async () => {
  let nowMs = 1_700_000_000_000;
  const store = new MemoryStore({ now: () => nowMs, sweepEveryMs: 0 });
  const limit = { limit: 1, perMs: 60_000 };
  expect(await store.rate('r', limit)).toMatchObject({ allowed: true });
  nowMs -= 3_600_000;
  const { allowed, retryAfterMs } = await store.rate('r', limit);
  expect({ allowed, retryAfterMs }).toEqual({ allowed: false, retryAfterMs: 3_660_000 });
  nowMs += retryAfterMs;
  expect(await store.rate('r', limit)).toMatchObject({ allowed: true });
  await store.close();
});
