/** The store on etcd 3.4 and later, shared by all machines of a cluster. */

import type {
  IKeyValue,
  ILeaseGrantResponse,
  IRangeRequest,
  IRangeResponse,
  IRequestOp,
  ITxnRequest,
  ITxnResponse,
} from 'etcd3';
import { Combining, type Held, type Swapped, type Swaps } from '../combining.ts';
import { formatCursor, parseCursor } from '../cursor.ts';
import { type Entry, NEVER, type Step } from '../entry.ts';
import { type Entries, type EntryPage, EntryStore } from '../entry-store.ts';
import { packEnvelope, unpackEnvelope } from '../envelope.ts';
import { KvError } from '../errors.ts';
import type { PageOrder, StoreOptions } from '../store.ts';
import { Cluster, type EtcdUrl, isLeaseGone } from './cluster.ts';
import { Leases, NO_LEASE } from './leases.ts';

/**
 * Entries under the URL's prefix. Reads and changes are linearizable: everybody sees what
 * was answered. What etcd has confirmed is on the disks of most of its members.
 *
 * Whether an entry's time is over is decided by the clock of the machine that asks, so the
 * machines that share a store need NTP. etcd frees the room some seconds later (leases.ts).
 *
 * Every change is a read and a transaction, each a round of the cluster, and all clients
 * contend for a key (combining.ts): a key that hundreds change in a second is one for
 * Redis. TLS is the URL's `etcds:`, trusting the authorities of Node and of the system.
 */
export class EtcdStore extends EntryStore {
  /** Connects in the background, for ever; never throws. */
  constructor(url: EtcdUrl, options: StoreOptions = {}) {
    const { now = Date.now } = options;
    super(new EtcdEntries(url, now), now);
  }
}

/** The revision that changed an entry last; `'0'`: there is none. */
type Revision = string;

const ABSENT = '0';

/** etcd may lose a lease between the grant and the write, but not each time. */
const LEASE_ATTEMPTS = 3;

/** Entries of a page, at most: each may have a megabyte. */
const MAX_PAGE = 64;

class EtcdEntries implements Entries, Swaps<Revision> {
  readonly kind = 'etcd';
  readonly #cluster: Cluster;
  readonly #prefix: Buffer;
  readonly #now: () => number;
  readonly #leases: Leases;
  readonly #combining = new Combining<Revision>('etcd', this);
  #closing: Promise<void> | undefined;

  constructor(url: EtcdUrl, now: () => number) {
    this.#cluster = new Cluster(url);
    this.#prefix = Buffer.from(url.prefix, 'utf8');
    this.#now = now;
    this.#leases = new Leases(async (ttlS) => {
      const request = { TTL: String(ttlS), ID: '0' };
      const lease = await this.#cluster.call<ILeaseGrantResponse>('Lease', 'leaseGrant', request);
      return lease.ID;
    });
  }

  async read(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    return (await this.load(key)).entry;
  }

  async change<Answer>(
    key: string,
    change: (entry: Entry | undefined) => Step<Answer>,
  ): Promise<Answer> {
    this.#checkOpen();
    return this.#combining.change(key, change);
  }

  async list(prefix: string, { limit, cursor }: PageOrder): Promise<EntryPage> {
    this.#checkOpen();
    const first = this.#row(prefix);
    const { kvs, more } = await this.#range({
      // The smallest key after a key is the key with a NUL behind it.
      key:
        cursor === undefined
          ? first
          : Buffer.concat([this.#prefix, parseCursor(cursor, prefix), Buffer.of(0)]),
      range_end: after(first),
      limit: Math.min(limit, MAX_PAGE),
    });
    const entries = kvs.map(({ key: row, value }): EntryPage['entries'][number] => {
      const key = row.toString('utf8', this.#prefix.length);
      return [key, unpackEnvelope(key, value)];
    });
    const last = kvs.at(-1)?.key.subarray(this.#prefix.length);
    return { entries, ...(more && last && { next: formatCursor(last) }) };
  }

  close(): Promise<void> {
    this.#closing ??= this.#combining.idle().then(() => this.#cluster.close());
    return this.#closing;
  }

  async load(key: string): Promise<Held<Revision>> {
    const { kvs } = await this.#range({ key: this.#row(key) });
    return held(key, kvs);
  }

  async swap(
    key: string,
    { version }: Held<Revision>,
    entry: Entry | undefined,
  ): Promise<Swapped<Revision>> {
    const row = this.#row(key);
    const transaction = (write: IRequestOp): ITxnRequest => ({
      compare: [{ key: row, target: 'Mod', result: 'Equal', mod_revision: version }],
      success: [write],
      failure: [{ request_range: { key: row } }],
    });
    const answer = await this.#write(row, entry, transaction);
    if (!answer.succeeded) {
      return { done: false, now: held(key, answer.responses[0]!.response_range.kvs) };
    }
    return { done: true, now: { entry, version: entry ? answer.header.revision : ABSENT } };
  }

  async #write(
    row: Buffer,
    entry: Entry | undefined,
    transaction: (write: IRequestOp) => ITxnRequest,
  ): Promise<ITxnResponse> {
    const send = (write: IRequestOp) =>
      this.#cluster.call<ITxnResponse>('KV', 'txn', transaction(write));
    if (entry === undefined) return send({ request_delete_range: { key: row } });
    const value = packEnvelope(entry);
    for (let attempt = 1; ; attempt++) {
      // A put without a lease also takes the key from the lease that it had.
      const lease =
        entry.expiryMs === NEVER
          ? NO_LEASE
          : await this.#leases.leaseFor(entry.expiryMs - this.#now());
      try {
        return await send({ request_put: { key: row, value, lease } });
      } catch (error) {
        if (!isLeaseGone(error)) throw error;
        this.#leases.forget(lease);
        if (attempt === LEASE_ATTEMPTS) {
          const message = `etcd lost ${LEASE_ATTEMPTS} new leases; see its log`;
          throw new KvError('ERR_KV_UNAVAILABLE', message, { cause: error });
        }
      }
    }
  }

  #range(request: IRangeRequest): Promise<IRangeResponse> {
    return this.#cluster.call<IRangeResponse>('KV', 'range', request);
  }

  /** etcd's key of an entry. */
  #row(key: string): Buffer {
    return Buffer.concat([this.#prefix, Buffer.from(key, 'utf8')]);
  }

  #checkOpen(): void {
    if (this.#closing) throw new KvError('ERR_KV_UNAVAILABLE', 'the store is closed');
  }
}

function held(key: string, [found]: readonly IKeyValue[]): Held<Revision> {
  if (found === undefined) return { entry: undefined, version: ABSENT };
  return { entry: unpackEnvelope(key, found.value), version: found.mod_revision };
}

/** The smallest row that begins with none of these bytes and is larger. */
function after(row: Buffer): Buffer {
  // UTF-8 has no byte ff, so the last one can always be raised.
  const end = Buffer.from(row);
  end[end.length - 1]! += 1;
  return end;
}
