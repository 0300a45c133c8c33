import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '../../../src/kv/open.ts';
import type { Store } from '../../../src/kv/store.ts';
import { pollFor } from '../../harness/waiting.ts';
import type { StoreKind } from './kind.ts';

const run = promisify(execFile);
const CLIENT = join(__dirname, 'client.ts');

const PROCESSES = 4;

/** What several processes do with one store. */
export function describeShared(kind: StoreKind): void {
  describe('shared by four processes with 50 clients each', () => {
    let url: string;
    let close: () => Promise<void>;
    let store: Store;

    beforeEach(async () => {
      ({ url, close } = await kind.shared());
      store = await openStore(url, { cwd: '/' });
    });
    afterEach(async () => {
      await store.close();
      await close();
    });

    /** What all clients of all processes were answered. */
    async function all<Answer>(task: string): Promise<Answer[]> {
      const one = async () => {
        const { stdout } = await run(process.execPath, [CLIENT, task, url], {
          maxBuffer: 64 * 1024 * 1024,
        });
        return JSON.parse(stdout) as Answer[];
      };
      const answers = await Promise.all(Array.from({ length: PROCESSES }, one));
      return answers.flat();
    }

    test('a rate allows exactly its limit', async () => {
      const answers = await all<{ allowed: boolean }>('rate');
      expect(answers).toHaveLength(200);
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(20);
    }, 60_000);

    test('a lease has exactly its places', async () => {
      const answers = await all<{ acquired: boolean }>('lease');
      expect(answers.filter(({ acquired }) => acquired)).toHaveLength(20);
    }, 60_000);

    test('a counter counts everyone, and keeps its time to live', async () => {
      const sums = await all<number>('incr');
      expect([...sums].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
      expect(await store.ttl('incr')).toBeLessThanOrEqual(3_600_000);
    }, 60_000);

    test('a window sums everything', async () => {
      await all('window');
      expect(await store.windowSum('window', { perMs: 3_600_000, slots: 60 })).toBe(200);
    }, 60_000);

    test('a distinct count counts every member once', async () => {
      await all('distinct');
      expect(await store.distinctCount('distinct', 3_600_000)).toBe(50);
    }, 60_000);

    test('add and cas have one winner', async () => {
      expect((await all<boolean>('add')).filter((won) => won)).toHaveLength(1);
      expect((await all<boolean>('cas')).filter((won) => won)).toHaveLength(1);
    }, 60_000);

    test('a holder that is killed frees its place after its time, and not before', async () => {
      const holder = spawn(process.execPath, [CLIENT, 'hold', url], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(holder.stdout, 'data');
      holder.kill('SIGKILL');
      await once(holder, 'close');
      const terms = { limit: 1, ttlMs: 1000 };
      expect((await store.leaseAcquire('hold', 'next', terms)).acquired).toBe(false);
      await pollFor(
        async () => (await store.leaseAcquire('hold', 'next', terms)).acquired || undefined,
        { timeoutMs: 20_000, failure: () => 'the place of the dead holder was never free' },
      );
    }, 60_000);
  });
}
