/**
 * The places that sessions hold. A place is renewed while its session lives, and freed when
 * it closes; if this process dies, the store frees it after its time.
 */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { isStoreFailure } from '../../kv/errors.ts';
import type { LeaseAnswer, LeaseTerms, Store } from '../../kv/store.ts';
import { CapabilityFailure } from '../failure.ts';
import type { CapabilityLog } from '../log.ts';
import type { LeasePort } from './operations.ts';

/** Whose places they are: a session, or this process itself. */
export interface LeaseOwner {
  readonly id: string;
  /** It has ended: what is acquired for it now is given back at once. */
  readonly isClosed: boolean;
}

interface Lease {
  readonly store: Store;
  readonly key: string;
  readonly holder: string;
  readonly terms: LeaseTerms;
  timer: NodeJS.Timeout | undefined;
}

/** A renewal that fails is tried twice more before the place is lost. */
const RENEWALS = 3;

/** A lease that is shorter than this lives by the renewals that a session asks for itself. */
const SHORTEST_RENEWAL_MS = 100;

/** Places that one session may hold: each is a timer and calls to the store. */
const MAX_LEASES = 100;

/** How long after a call without an answer its place is given back, if there is one. */
const DOUBT_MS = 1000;

export class LeaseKeeper {
  readonly #log: CapabilityLog;
  /** Of this process, on all machines. People see it in `postern kv get`. */
  readonly #instance =
    `${hostname().replace(/[^A-Za-z0-9.-]/g, '')}-${randomBytes(4).toString('hex')}`;
  readonly #leases = new Map<string, Map<string, Lease>>();
  readonly #storeIds = new Map<Store, number>();
  /** Places that are being asked for, and how often. */
  readonly #acquiring = new Map<string, number>();

  constructor(log: CapabilityLog) {
    this.#log = log;
  }

  /** What the filters of this owner may ask for. */
  port(owner: LeaseOwner): LeasePort {
    return {
      acquire: (store, key, terms) => this.#acquire(owner, store, key, terms),
      release: (store, key) => this.#release(owner, store, key),
    };
  }

  /** The owner has ended: its places are free. */
  async end(ownerId: string): Promise<void> {
    const leases = this.#leases.get(ownerId);
    if (!leases) return;
    this.#leases.delete(ownerId);
    await Promise.all([...leases.values()].map((lease) => this.#giveBack(lease)));
  }

  /** This process ends: all places are free. */
  async close(): Promise<void> {
    await Promise.all([...this.#leases.keys()].map((ownerId) => this.end(ownerId)));
  }

  async #acquire(
    owner: LeaseOwner,
    store: Store,
    key: string,
    terms: LeaseTerms,
  ): Promise<LeaseAnswer> {
    const holder = `${this.#instance}.${owner.id}`;
    const lease: Lease = { store, key, holder, terms, timer: undefined };
    this.#checkRoom(owner, lease);
    const place = this.#place(lease);
    let answer: LeaseAnswer;
    this.#acquiring.set(place, (this.#acquiring.get(place) ?? 0) + 1);
    try {
      answer = await store.leaseAcquire(key, holder, terms);
    } catch (error) {
      if (isStoreFailure(error)) this.#doubt(owner, lease);
      throw error;
    } finally {
      const others = this.#acquiring.get(place)! - 1;
      if (others > 0) this.#acquiring.set(place, others);
      else this.#acquiring.delete(place);
    }
    if (!answer.acquired) return answer;
    if (owner.isClosed) await this.#giveBack(lease);
    else this.#keep(owner, lease);
    return answer;
  }

  async #release(owner: LeaseOwner, store: Store, key: string): Promise<boolean> {
    const leases = this.#leases.get(owner.id);
    const lease = leases?.get(this.#name(store, key));
    if (!leases || !lease) return false;
    leases.delete(this.#name(store, key));
    if (leases.size === 0) this.#leases.delete(owner.id);
    clearTimeout(lease.timer);
    return store.leaseRelease(key, lease.holder);
  }

  #keep(owner: LeaseOwner, lease: Lease): void {
    const leases = this.#leases.get(owner.id) ?? new Map<string, Lease>();
    this.#leases.set(owner.id, leases);
    const name = this.#name(lease.store, lease.key);
    clearTimeout(leases.get(name)?.timer);
    leases.set(name, lease);
    this.#renewLater(owner, lease);
  }

  #renewLater(owner: LeaseOwner, lease: Lease): void {
    lease.timer = setTimeout(
      () => this.#renew(owner, lease),
      Math.min(Math.max(lease.terms.ttlMs / RENEWALS, SHORTEST_RENEWAL_MS), 2 ** 31 - 1),
    );
    lease.timer.unref();
  }

  async #renew(owner: LeaseOwner, lease: Lease): Promise<void> {
    const { store, key, holder, terms } = lease;
    const present = () => this.#leases.get(owner.id)?.get(this.#name(store, key));
    const isHeld = () => present() === lease && !owner.isClosed;
    let kept = true;
    try {
      // What ran out while the store was away is taken again, if there is still a place.
      kept =
        (await store.leaseRenew(key, holder, terms.ttlMs)) ||
        (isHeld() && (await store.leaseAcquire(key, holder, terms)).acquired);
    } catch {
      // The store is away, which its own line in the log tells.
    }
    if (!isHeld()) {
      // It was given back while this was under way, and must stay so; but what the same session
      // has acquired again since then has the same holder, and is kept.
      if (present() === undefined && !this.#acquiring.has(this.#place(lease)))
        await this.#giveBack(lease);
      return;
    }
    if (kept) {
      this.#renewLater(owner, lease);
      return;
    }
    this.#leases.get(owner.id)?.delete(this.#name(store, key));
    this.#log.warn(
      { key, session: owner.id },
      `the lease ${key} ran out while its store was away, and its place is taken: session ${owner.id} goes on without`,
    );
  }

  /** A call without an answer may have been performed: a place that nobody knows of must not stay. */
  #doubt(owner: LeaseOwner, lease: Lease): void {
    const timer = setTimeout(() => {
      const known = this.#leases.get(owner.id)?.has(this.#name(lease.store, lease.key));
      if (!known && !this.#acquiring.has(this.#place(lease))) this.#giveBack(lease);
    }, DOUBT_MS);
    timer.unref();
  }

  /** Best effort: where it fails, the place is free after its time. */
  async #giveBack(lease: Lease): Promise<void> {
    clearTimeout(lease.timer);
    await lease.store.leaseRelease(lease.key, lease.holder).catch(() => undefined);
  }

  #checkRoom(owner: LeaseOwner, { store, key }: Lease): void {
    const leases = this.#leases.get(owner.id);
    if (!leases || leases.size < MAX_LEASES || leases.has(this.#name(store, key))) return;
    throw new CapabilityFailure(
      'ERR_LEASES',
      `kv.lease: session ${owner.id} holds ${MAX_LEASES} leases already; release some of them`,
    );
  }

  /** A holder's place, as the store sees it. */
  #place({ store, key, holder }: Lease): string {
    return `${holder} ${this.#name(store, key)}`;
  }

  #name(store: Store, key: string): string {
    const id = this.#storeIds.get(store) ?? this.#storeIds.size;
    this.#storeIds.set(store, id);
    return `${id} ${key}`;
  }
}
