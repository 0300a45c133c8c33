import { MemoryStore } from '../../src/kv/memory.ts';
import { describeStore } from './store-suite.ts';

describeStore('memory', async (options) => new MemoryStore(options));
