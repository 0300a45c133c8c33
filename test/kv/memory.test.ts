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
