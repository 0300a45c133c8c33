import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { MilterClient } from '../../src/testing/milter-client.ts';
import { NODE } from '../cli/postern.ts';
import { type RunningProcess, startProcess } from '../harness/processes.ts';
import { pollFor } from '../harness/waiting.ts';
import { ALL_COMMANDS, commandsOf, Load, unlike } from './store-outage-load.ts';
import { ONE_LINE_EACH, StoreSite, shownLines, WORKERS } from './store-outage-site.ts';
import { isStopped } from './store-outage-stopped.ts';

const HOLDER = join(__dirname, 'store-outage-lock-holder.ts');

const LASTS_MS = 5000;
const IN_TIME_MS = 2000;
const RECOVERED_MS = 2000;

/** Reads at each RCPT what is sown when somebody connects. */
const READER = `import { kv, log, reject } from 'postern';
  export const options = { cpu: '1s' };
  export async function connect(session) {
    await kv.add('seed', 'sown', { ttl: '1h' });
    log.info('connected', { name: session.client.hostname });
  }
  export async function rcpt() { return reject(550, '5.1.1', await kv.get('seed')); }`;

describe('mail while another process has the lock of the embedded store', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  async function startLoad(perWorker?: number): Promise<{ site: StoreSite; load: Load }> {
    const site = await StoreSite.start({
      kv: { default: 'lmdb:./data' },
      // The disk of a busy machine takes its time.
      budget: '300ms',
      filters: { reader: READER },
    });
    stops.push(() => site.stop());
    const load = await Load.start(site, perWorker);
    stops.push(() => load.stop().catch(() => undefined));
    return { site, load };
  }

  /** Resolves when it has the lock and stands still. */
  async function holdLock(site: StoreSite): Promise<RunningProcess> {
    const holder = await startProcess({
      command: NODE,
      args: [HOLDER, join(site.folder.path, 'data')],
    });
    stops.push(() => holder.stop('SIGKILL'));
    await pollFor(() => isStopped(holder.pid) || undefined, {
      timeoutMs: 10_000,
      failure: () => `the lock is not taken: ${holder.stderr()}`,
    });
    return holder;
  }

  const title = (site: StoreSite) => `default (lmdb:${join(site.folder.path, 'data')})`;

  /** Promises that hold with and without reads beside the writes. */
  async function expectPromises(site: StoreSite, load: Load, times: readonly number[]) {
    const [beforeMs = 0, failedMs = 0, mendedMs = 0] = times;
    const before = load.between(0, beforeMs);
    const during = load.between(failedMs, mendedMs);
    expect(unlike('well', before)).toEqual([]);
    expect(unlike('ill', during)).toEqual([]);
    for (const answers of [before, during]) expect(commandsOf(answers)).toEqual(ALL_COMMANDS);
    expect(load.slowestMs).toBeLessThan(IN_TIME_MS);
    expect(load.lastIllMs - mendedMs).toBeLessThan(RECOVERED_MS);
    const counted = load.counted;
    expect(new Set(counted).size).toBe(counted.length);
    // The next sum is one more than what happened before.
    expect(Math.max(...counted)).toBeGreaterThanOrEqual(counted.length);
    expect(Math.max(...counted)).toBeLessThanOrEqual(counted.length + load.doubtful);
    // Writes that wait for the lock are few, and so is what they keep in memory.
    expect(load.doubtful).toBeLessThan(20 + (WORKERS * LASTS_MS) / 250);
    expect(shownLines(site.storeLines(title(site)))).toEqual(ONE_LINE_EACH);
  }

  test('writes fail in time, and go on when that process is killed', async () => {
    const { site, load } = await startLoad();
    await load.settled('well');
    const beforeMs = performance.now();
    const holder = await holdLock(site);
    const failedMs = performance.now();
    await setTimeout(LASTS_MS);
    const mendedMs = performance.now();
    await holder.stop('SIGKILL');
    await load.settled('well');
    await site.said(title(site), 'up');
    await load.stop();
    await expectPromises(site, load, [beforeMs, failedMs, mendedMs]);
  }, 60_000);

  /** A connection to each worker, which reads. */
  async function readers(site: StoreSite): Promise<readonly MilterClient[]> {
    const byWorker = new Map<string, MilterClient>();
    for (let n = 1; byWorker.size < WORKERS; n++) {
      if (n > 100) throw new Error('a worker gets no connections');
      const client = await site.connect('reader');
      stops.push(async () => client.destroy());
      const hostname = `reader${n}.example.org`;
      await client.connectInfo({ hostname });
      await client.mail('a@example.org');
      byWorker.set(await site.workerOf(hostname), client);
    }
    return [...byWorker.values()];
  }

  test('reads go on beside the writes that fail', async () => {
    const { site, load } = await startLoad(8);
    const all = await readers(site);
    await load.settled('well');
    const beforeMs = performance.now();
    const holder = await holdLock(site);
    const failedMs = performance.now();
    await load.settled('ill');
    let slowestMs = 0;
    const seen = new Set<string>();
    while (performance.now() - failedMs < LASTS_MS) {
      const askedMs = performance.now();
      for (const reader of all) seen.add(JSON.stringify(await reader.rcpt('b@example.com')));
      slowestMs = Math.max(slowestMs, performance.now() - askedMs);
      // Now and then, so that a success of theirs hides no failure of the writes.
      await setTimeout(100);
    }
    const mendedMs = performance.now();
    await holder.stop('SIGKILL');
    await load.settled('well');
    await site.said(title(site), 'up');
    await load.stop();
    expect([...seen]).toEqual([JSON.stringify({ kind: 'replycode', text: '550 5.1.1 sown' })]);
    expect(slowestMs).toBeLessThan(IN_TIME_MS);
    await expectPromises(site, load, [beforeMs, failedMs, mendedMs]);
  }, 60_000);

  test('so many reads that there is always one: the writes that fail rest all the same', async () => {
    const { site, load } = await startLoad(8);
    const all = await readers(site);
    await load.settled('well');
    const beforeMs = performance.now();
    const holder = await holdLock(site);
    const failedMs = performance.now();
    const reading = all.map(async (reader) => {
      while (performance.now() - failedMs < LASTS_MS) {
        const reply = await reader.rcpt('b@example.com');
        expect(reply).toEqual({ kind: 'replycode', text: '550 5.1.1 sown' });
      }
    });
    await Promise.all(reading);
    const mendedMs = performance.now();
    await holder.stop('SIGKILL');
    await load.settled('well');
    await site.said(title(site), 'up');
    await load.stop();
    await expectPromises(site, load, [beforeMs, failedMs, mendedMs]);
  }, 60_000);
});
