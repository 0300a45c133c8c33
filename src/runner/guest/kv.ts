/** `kv` as authors see it: on the default store, another one, or a group of them. */

import type { GroupEntry, Kv, KvGroup, KvStore, KvValue } from './api-kv.ts';
import { currentEvent } from './current.ts';
import { type KvCall, kvCalls, type Target } from './kv-calls.ts';
import { uncarried } from './kv-values.ts';
import { CapabilityError, request } from './outbox.ts';

/** Entries of one page of a scan: enough to need few pages, and little enough to cross at once. */
const PAGE = 100;

/** Performs a call. What is wrong with its arguments is inside the promise: authors see every mistake the same way. */
type Ask = (make: () => KvCall) => Promise<unknown>;

type Page = { entries: [key: string, value: unknown][]; next: string | null };

async function send(target: Target, { name, args }: KvCall): Promise<unknown> {
  return request(currentEvent(), `kv.${name}`, [target, ...args]);
}

function askStore(target: Target): Ask {
  return async (make) => {
    const call = make();
    return call.read(await send(target, call), target);
  };
}

/** The answers of several stores, each read as if it were the only one. */
function askGroup(target: Target): Ask {
  return async (make) => {
    const call = make();
    const origin = new Error('call');
    const answers = (await send(target, call)) as Record<string, StoreAnswer>;
    return Object.fromEntries(
      Object.entries(answers).map(([store, answer]) => [
        store,
        answer.error
          ? { error: new CapabilityError(answer.error.code, answer.error.message, origin) }
          : { value: call.read(answer.value, { store }) },
      ]),
    );
  };
}

interface StoreAnswer {
  readonly value: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The calls that a store and a group have alike. */
function callsOf(ask: Ask) {
  return {
    get: (...args: Parameters<KvStore['get']>) => ask(() => kvCalls.get(...args)),
    set: (...args: Parameters<KvStore['set']>) => ask(() => kvCalls.set(...args)),
    delete: (...args: Parameters<KvStore['delete']>) => ask(() => kvCalls.delete(...args)),
    has: (...args: Parameters<KvStore['has']>) => ask(() => kvCalls.has(...args)),
    add: (...args: Parameters<KvStore['add']>) => ask(() => kvCalls.add(...args)),
    cas: (...args: Parameters<KvStore['cas']>) => ask(() => kvCalls.cas(...args)),
    incr: (...args: Parameters<KvStore['incr']>) => ask(() => kvCalls.incr(...args)),
    expire: (...args: Parameters<KvStore['expire']>) => ask(() => kvCalls.expire(...args)),
    ttl: (...args: Parameters<KvStore['ttl']>) => ask(() => kvCalls.ttl(...args)),
    rate: (...args: Parameters<KvStore['rate']>) => ask(() => kvCalls.rate(...args)),
    window: (...[key, options]: Parameters<KvStore['window']>) => ({
      add: (n = 1) => ask(() => kvCalls.windowAdd(key, n, options)),
      sum: () => ask(() => kvCalls.windowSum(key, options)),
    }),
    distinct: (...[key, options]: Parameters<KvStore['distinct']>) => ({
      add: (member: string) => ask(() => kvCalls.distinctAdd(key, member, options)),
      count: () => ask(() => kvCalls.distinctCount(key, options)),
    }),
    lease: (...[key, options]: Parameters<KvStore['lease']>) =>
      ask(() => kvCalls.lease(key, options, release)),
    batch: (...args: Parameters<KvGroup['batch']>) => ask(() => kvCalls.batch(...args)),
  };
}

async function release(key: string, place: Target): Promise<void> {
  await askStore(place)(() => kvCalls.release(key));
}

async function* scanStore(target: Target, prefix: string): AsyncGenerator<[string, KvValue]> {
  let cursor: string | undefined;
  do {
    const page = (await askStore(target)(() => kvCalls.scan(prefix, PAGE, cursor))) as Page;
    for (const [key, value] of page.entries) yield [key, uncarried(value)];
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

async function* scanGroup(target: Target, prefix: string): AsyncGenerator<GroupEntry> {
  const members = (await askStore(target)(() => kvCalls.members())) as string[];
  for (const store of members) {
    try {
      for await (const [key, value] of scanStore({ store }, prefix)) yield { store, key, value };
    } catch (error) {
      if (!(error instanceof CapabilityError)) throw error;
      yield { store, error };
    }
  }
}

function storeAt(target: Target): KvStore {
  const calls = {
    ...callsOf(askStore(target)),
    scan: (prefix: string) => scanStore(target, prefix),
  };
  return calls as unknown as KvStore;
}

function groupAt(target: Target): KvGroup {
  const calls = {
    ...callsOf(askGroup(target)),
    scan: (prefix: string) => scanGroup(target, prefix),
  };
  return calls as unknown as KvGroup;
}

function checkedName(name: unknown, call: string): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new TypeError(`${call}: expected a name of the configuration, got ${typeof name}`);
}

export const kv: Kv = Object.freeze({
  ...storeAt(null),
  store: (name: string) => Object.freeze(storeAt({ store: checkedName(name, 'kv.store') })),
  group: (name: string) => Object.freeze(groupAt({ group: checkedName(name, 'kv.group') })),
});
