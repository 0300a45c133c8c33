import { setTimeout } from 'node:timers/promises';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { describeWith } from '../harness/requirements.ts';
import { pollFor } from '../harness/waiting.ts';
import { DeafRedis } from './store-outage-deaf-redis.ts';
import { ALL_COMMANDS, commandsOf, Load, unlike } from './store-outage-load.ts';
import { ONE_LINE_EACH, StoreSite, shownLines, WORKERS } from './store-outage-site.ts';
import { isStopped } from './store-outage-stopped.ts';

/** The longest that an MTA may wait for an answer here: ten times the budget of a call. */
const IN_TIME_MS = 1500;

/** How soon after the store is back all is as before. */
const RECOVERED_MS = 2000;

describeWith(['redis-server'], 'mail while the store is', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  async function redisWith(...settings: string[]): Promise<RedisServer> {
    const redis = await startRedis({ settings });
    stops.push(() => {
      if (isStopped(redis.pid)) process.kill(redis.pid, 'SIGCONT');
      return redis.stop();
    });
    return redis;
  }

  async function siteOn(kv: object, filters?: Readonly<Record<string, string>>) {
    const site = await StoreSite.start({ kv, ...(filters && { filters }) });
    stops.push(() => site.stop());
    return site;
  }

  async function loadOn(site: StoreSite, perWorker?: number): Promise<Load> {
    const load = await Load.start(site, perWorker);
    stops.push(() => load.stop().catch(() => undefined));
    return load;
  }

  const titleOf = (port: number) => `default (redis://127.0.0.1:${port}/0)`;

  /** The reply to a recipient of the filter that has one place. */
  async function placeFor(site: StoreSite) {
    const client = await site.connect('single');
    stops.push(async () => client.destroy());
    await client.mail('a@example.org');
    const ask = async () => (await client.rcpt('b@example.com'))?.kind;
    return { ask, quit: () => client.quit() };
  }

  /**
   * What is promised of a store that works, fails for a while and works again; `fail` and
   * `mend` resolve when that has been done.
   */
  async function outage(
    redis: RedisServer,
    { fail, mend, lastsMs }: { fail(): Promise<void>; mend(): Promise<void>; lastsMs: number },
  ): Promise<void> {
    const site = await siteOn({ default: `redis://127.0.0.1:${redis.port}/0` });
    const title = titleOf(redis.port);
    const load = await loadOn(site);
    const [holder, other] = [await placeFor(site), await placeFor(site)];
    expect([await holder.ask(), await other.ask()]).toEqual(['continue', 'replycode']);
    await load.settled('well');

    const beforeMs = performance.now();
    await fail();
    const failedMs = performance.now();
    await setTimeout(lastsMs);
    const mendedMs = performance.now();
    await mend();
    const workingMs = performance.now();
    await load.settled('well');
    await site.said(title, 'up');

    // The place is still its holder's, and free when that one leaves.
    expect([await holder.ask(), await other.ask()]).toEqual(['continue', 'replycode']);
    await holder.quit();
    await pollFor(async () => (await other.ask()) === 'continue' || undefined, {
      timeoutMs: IN_TIME_MS,
      failure: () => 'the place is not given back',
    });
    await load.stop();

    const before = load.between(0, beforeMs);
    const during = load.between(failedMs, mendedMs);
    expect(unlike('well', before)).toEqual([]);
    expect(unlike('ill', during)).toEqual([]);
    for (const answers of [before, during]) expect(commandsOf(answers)).toEqual(ALL_COMMANDS);
    expect(load.slowestMs).toBeLessThan(IN_TIME_MS);
    expect(load.lastIllMs - workingMs).toBeLessThan(RECOVERED_MS);

    expect(shownLines(site.storeLines(title))).toEqual(ONE_LINE_EACH);
    for (const { says, fields } of site.storeLines(title)) {
      if (says === 'down') continue;
      expect(fields.downMs).toBeGreaterThan(lastsMs - IN_TIME_MS);
      expect(fields.downMs).toBeLessThan(workingMs - beforeMs + RECOVERED_MS);
      expect(fields.failed).toBeGreaterThan(3);
    }

    // Nothing that was confirmed is lost, and nothing happened that nobody asked for.
    const counted = load.counted;
    expect(new Set(counted).size).toBe(counted.length);
    const sum = Number(await redis.cli('GET', 'strict/mails'));
    expect(sum).toBeGreaterThanOrEqual(counted.length);
    expect(sum).toBeLessThanOrEqual(counted.length + load.doubtful);
    // Hardly anybody waits for a store that rests.
    expect(load.doubtful).toBeLessThan(20 + (WORKERS * lastsMs) / 250);
  }

  test('a Redis that hangs for ten seconds: each command has its answer, and all goes on', async () => {
    const redis = await redisWith();
    await outage(redis, {
      fail: async () => {
        process.kill(redis.pid, 'SIGSTOP');
        await pollFor(() => isStopped(redis.pid) || undefined, {
          timeoutMs: 1000,
          failure: () => 'redis-server does not stop',
        });
      },
      mend: async () => void process.kill(redis.pid, 'SIGCONT'),
      lastsMs: 10_000,
    });
  }, 60_000);

  test('a Redis that is killed and started again: each command has its answer, and all goes on', async () => {
    const redis = await redisWith('--appendonly', 'yes');
    await outage(redis, { fail: redis.kill, mend: redis.restart, lastsMs: 3000 });
  }, 60_000);

  test.each(['anything', 'a call'] as const)(
    'a server that never answers %s, from the start: mail has its answers, and few calls wait there',
    async (what) => {
      const deaf = await DeafRedis.start(what);
      stops.push(() => deaf.stop());
      const site = await siteOn({ default: `redis://127.0.0.1:${deaf.port}/0` });
      const load = await loadOn(site, 8);
      await load.settled('ill', 40);
      await load.stop();
      expect(unlike('ill', load.answers)).toEqual([]);
      expect(commandsOf(load.answers)).toEqual(ALL_COMMANDS);
      expect(load.slowestMs).toBeLessThan(IN_TIME_MS);
      expect(deaf.connections).toBeGreaterThan(0);
      // The calls of all connections at once, before the store rests; then probes.
      expect(deaf.mostWaiting).toBeLessThan(60);
      expect(deaf.mostConnections).toBeLessThanOrEqual(2 * WORKERS);
      expect(shownLines(site.storeLines(titleOf(deaf.port)))).toEqual([
        'worker 1 down',
        'worker 2 down',
      ]);
    },
    60_000,
  );

  test('not there yet: the server starts, says so, and works when the store comes', async () => {
    const redis = await redisWith();
    await redis.kill();
    const site = await siteOn({ default: `redis://127.0.0.1:${redis.port}/0` });
    const load = await loadOn(site);
    await load.settled('ill');
    await site.said(titleOf(redis.port), 'down');
    const absentMs = performance.now();
    await redis.restart();
    const workingMs = performance.now();
    await load.settled('well');
    await site.said(titleOf(redis.port), 'up');
    await load.stop();
    const absent = load.between(0, absentMs);
    expect(unlike('ill', absent)).toEqual([]);
    expect(commandsOf(absent)).toEqual(ALL_COMMANDS);
    expect(load.slowestMs).toBeLessThan(IN_TIME_MS);
    expect(load.lastIllMs - workingMs).toBeLessThan(RECOVERED_MS);
    expect(shownLines(site.storeLines(titleOf(redis.port)))).toEqual(ONE_LINE_EACH);
    expect(await redis.cli('GET', 'strict/mails')).toBe(String(load.counted.length));
  }, 60_000);

  test('gone as one of a group: the results of the other are used, and its own when it is back', async () => {
    const [here, gone] = [await redisWith(), await redisWith()];
    const site = await siteOn(
      {
        default: `redis://127.0.0.1:${here.port}/0`,
        stores: { fleet: `redis://127.0.0.1:${gone.port}/0` },
        groups: { both: ['default', 'fleet'] },
      },
      {
        group: `import { kv, reject } from 'postern';
          export const options = { cpu: '1s' };
          export async function rcpt() {
            const sums = await kv.group('both').incr('n', 1, { ttl: '1h' });
            const shown = ({ value, error }) => error ? error.code : value;
            return reject(550, '5.7.1', shown(sums.default) + ' ' + shown(sums.fleet));
          }`,
      },
    );
    const client = await site.connect('group');
    stops.push(async () => client.destroy());
    await client.mail('a@example.org');
    const ask = async () => {
      const beganMs = performance.now();
      const reply = await client.rcpt('b@example.com');
      expect(performance.now() - beganMs).toBeLessThan(IN_TIME_MS);
      return reply?.kind === 'replycode' ? reply.text.replace('550 5.7.1 ', '') : reply?.kind;
    };
    expect(await ask()).toBe('1 1');
    await gone.kill();
    for (let n = 2; n <= 11; n++) expect(await ask()).toBe(`${n} ERR_KV_UNAVAILABLE`);
    await gone.restart();
    const answers: (string | undefined)[] = [];
    const isBack = async () => {
      answers.push(await ask());
      return /^\d+ \d+$/.test(answers.at(-1) ?? '') || undefined;
    };
    await pollFor(isBack, {
      timeoutMs: RECOVERED_MS,
      failure: () => `the other store is not used again: ${answers.at(-1)}`,
    });
    // It was started empty.
    expect(answers.at(-1)).toMatch(/^\d+ 1$/);
  });
});
