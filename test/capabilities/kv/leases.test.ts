import { setImmediate } from 'node:timers/promises';
import { LeaseKeeper } from '../../../src/capabilities/kv/leases.ts';
import { MemoryStore } from '../../../src/kv/memory.ts';

/** A store whose calls a test lets through one by one. */
class GatedStore extends MemoryStore {
  readonly gates: { readonly call: string; open: () => void }[] = [];

  async #gate(call: string): Promise<void> {
    await new Promise<void>((open) => this.gates.push({ call, open }));
  }

  /** Waits until a call is at the gate, and lets it through. */
  async letThrough(call: string): Promise<void> {
    for (;;) {
      const at = this.gates.findIndex((gate) => gate.call === call);
      const gate = at < 0 ? undefined : this.gates.splice(at, 1)[0];
      if (gate) return gate.open();
      await setImmediate();
    }
  }

  override async leaseAcquire(...args: Parameters<MemoryStore['leaseAcquire']>) {
    await this.#gate('acquire');
    return super.leaseAcquire(...args);
  }

  override async leaseRenew(...args: Parameters<MemoryStore['leaseRenew']>) {
    await this.#gate('renew');
    return super.leaseRenew(...args);
  }

  override async leaseRelease(...args: Parameters<MemoryStore['leaseRelease']>) {
    await this.#gate('release');
    return super.leaseRelease(...args);
  }
}

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const terms = { limit: 1, ttlMs: 300 };

let store: GatedStore;
let keeper: LeaseKeeper;

beforeEach(() => {
  store = new GatedStore({ sweepEveryMs: 0 });
  keeper = new LeaseKeeper(silent);
});

const holders = async () => {
  const sight = await store.look('k');
  return sight?.kind === 'lease' ? sight.holders.length : 0;
};

test('a place that is acquired again while it is being renewed is kept', async () => {
  const port = keeper.port({ id: 's1', isClosed: false });
  const first = port.acquire(store, 'k', terms);
  await store.letThrough('acquire');
  expect(await first).toMatchObject({ acquired: true });
  while (!store.gates.some(({ call }) => call === 'renew')) await setImmediate();
  const again = port.acquire(store, 'k', terms);
  await store.letThrough('acquire');
  expect(await again).toMatchObject({ acquired: true });
  await store.letThrough('renew');
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  expect(store.gates.filter(({ call }) => call === 'release')).toEqual([]);
  expect(await holders()).toBe(1);
});

test('a place that is released while it is being renewed stays free', async () => {
  const port = keeper.port({ id: 's1', isClosed: false });
  const first = port.acquire(store, 'k', terms);
  await store.letThrough('acquire');
  await first;
  while (!store.gates.some(({ call }) => call === 'renew')) await setImmediate();
  const released = port.release(store, 'k');
  await store.letThrough('release');
  expect(await released).toBe(true);
  await store.letThrough('renew');
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  expect(await holders()).toBe(0);
});

test('a session holds a hundred places and no more', async () => {
  const port = keeper.port({ id: 's1', isClosed: false });
  for (let n = 0; n < 100; n++) {
    const acquired = port.acquire(store, `k${n}`, { limit: 1, ttlMs: 60_000 });
    await store.letThrough('acquire');
    await acquired;
  }
  await expect(port.acquire(store, 'one more', terms)).rejects.toMatchObject({
    code: 'ERR_LEASES',
  });
  const again = port.acquire(store, 'k7', { limit: 1, ttlMs: 60_000 });
  await store.letThrough('acquire');
  expect(await again).toMatchObject({ acquired: true });
});

test('when the owner ends, all its places are free', async () => {
  const owner = { id: 's1', isClosed: false };
  const port = keeper.port(owner);
  const acquired = port.acquire(store, 'k', { limit: 1, ttlMs: 60_000 });
  await store.letThrough('acquire');
  await acquired;
  owner.isClosed = true;
  const ended = keeper.end('s1');
  await store.letThrough('release');
  await ended;
  expect(await holders()).toBe(0);
});
