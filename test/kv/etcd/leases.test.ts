import { setTimeout } from 'node:timers/promises';
import { EtcdStore } from '../../../src/kv/etcd/etcd.ts';
import { Leases } from '../../../src/kv/etcd/leases.ts';
import { type EtcdServer, startEtcd } from '../../harness/etcd.ts';
import { describeWith } from '../../harness/requirements.ts';
import { pollFor } from '../../harness/waiting.ts';
import { ask, etcdUrl } from './server.ts';

const X = Buffer.from('x');

describe('leases', () => {
  const grants: number[] = [];
  const leases = () => {
    grants.length = 0;
    return new Leases(async (ttlS) => {
      grants.push(ttlS);
      return `lease ${grants.length}`;
    });
  };

  test.each([1, 999, 1000, 5000, 59_999, 3_600_000, 86_400_000, 30 * 86_400_000, 1e12])(
    'for %d ms last longer, and not much longer',
    async (leftMs) => {
      await leases().leaseFor(leftMs);
      expect(grants[0]! * 1000).toBeGreaterThan(leftMs + 5000);
      expect(grants[0]! * 1000).toBeLessThan(leftMs * 1.25 + 13_000);
    },
  );

  test('are shared by what ends at about the same time', async () => {
    const all = leases();
    const ids = new Set<string>();
    for (let n = 0; n < 1000; n++) ids.add(await all.leaseFor(600_000 + 30 * n));
    expect(ids.size).toBe(grants.length);
    expect(grants.length).toBeLessThanOrEqual(2);
  });

  test('are asked for once by those who need them at once', async () => {
    const all = leases();
    const ids = await Promise.all([all.leaseFor(60_000), all.leaseFor(60_000)]);
    expect(new Set(ids).size).toBe(1);
  });

  test('that are lost or could not be had are asked for again', async () => {
    let fails = true;
    let granted = 0;
    const all = new Leases(async () => {
      if (fails) throw new Error('no');
      return `lease ${++granted}`;
    });
    await expect(all.leaseFor(60_000)).rejects.toThrow('no');
    fails = false;
    const first = await all.leaseFor(60_000);
    all.forget(first);
    expect(await all.leaseFor(60_000)).not.toBe(first);
  });

  test('do not exist for longer than etcd can count', async () => {
    expect(await leases().leaseFor(2 ** 48 - 1)).toBe('0');
    expect(grants).toEqual([]);
  });
});

describeWith(['etcd'], 'an entry with a time to live, in etcd', () => {
  let server: EtcdServer;
  let store: EtcdStore;
  let prefix: string;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server?.stop());
  beforeEach(() => {
    const url = etcdUrl(server);
    prefix = url.prefix;
    store = new EtcdStore(url);
  });
  afterEach(() => store.close());

  const leaseIds = () =>
    ask(server, async (etcd) => (await etcd.leaseClient.leaseLeases()).leases.map(({ ID }) => ID));
  /** Of each key in etcd, the lease that it has. */
  const leasesOfKeys = () =>
    ask(server, async (etcd) => {
      const { kvs } = await etcd.kv.range({
        key: Buffer.from(prefix),
        range_end: Buffer.from(`${prefix}\xff`),
        keys_only: true,
      });
      return kvs.map(({ lease }) => lease);
    });

  test('shares its lease: a thousand have a few', async () => {
    const before = await leaseIds();
    for (let n = 0; n < 1000; n += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, m) => store.set(`k${n + m}`, X, 600_000 + n)),
      );
    }
    const made = (await leaseIds()).filter((id) => !before.includes(id));
    expect(made.length).toBeGreaterThan(0);
    expect(made.length).toBeLessThanOrEqual(3);
    const used = await leasesOfKeys();
    expect(used).toHaveLength(1000);
    expect(new Set(used)).toEqual(new Set(made));
  });

  test('is absent when its time is over, and gone from etcd soon after', async () => {
    await store.set('short', X, 300);
    await store.set('for good', X);
    expect(await store.has('short')).toBe(true);
    await setTimeout(310);
    expect(await store.has('short')).toBe(false);
    expect(await leasesOfKeys()).toHaveLength(2);
    await pollFor(async () => (await leasesOfKeys()).length === 1 || undefined, {
      timeoutMs: 25_000,
      failure: () => 'the entry is still in etcd',
    });
    expect(await store.has('for good')).toBe(true);
  });

  test('has no lease any more when it is written without one', async () => {
    await store.set('a', X, 60_000);
    expect(await leasesOfKeys()).not.toEqual(['0']);
    await store.set('a', X);
    expect(await leasesOfKeys()).toEqual(['0']);
  });

  test('gets a new lease when etcd has lost the one that was known', async () => {
    await store.set('a', X, 60_000);
    const [lost] = await leasesOfKeys();
    await ask(server, (etcd) => etcd.leaseClient.leaseRevoke({ ID: lost! }));
    await store.set('b', X, 60_000);
    const [fresh] = await leasesOfKeys();
    expect(fresh).not.toBe('0');
    expect(fresh).not.toBe(lost);
    expect(await store.has('b')).toBe(true);
  });
});
