/**
 * Leases, by which etcd removes entries whose time is over.
 *
 * A lease costs etcd as much as a key and a round through its log, so entries that end at
 * about the same time share one. Deadlines are rounded up to the end of a bucket, the
 * wider the farther they are:
 *
 *     time left      8 s     1 min    1 h     1 day
 *     bucket         4 s     8 s      8 min   about 5 h
 *
 * A lease lets its keys go when its time is over, never before: rounding is always up, its
 * time is counted from before it was asked for, and SLACK_MS is added for clocks that
 * differ. So an entry is gone for the stores (which look at its expiry) before it is gone
 * from etcd. Leases are never kept alive; what nobody writes again goes with its lease.
 *
 * Buckets are on the monotonic clock: a lease runs for a span of time, whatever somebody
 * does to the time of day.
 */

/** How far clocks of machines may differ. */
const SLACK_MS = 5_000;

const MIN_BUCKET_MS = 4_000;

/** How long a write may take to arrive after its lease was chosen. */
const TRAVEL_MS = 2_000;

/** etcd's longest lease, about 285 years; what lasts longer needs none. */
const MAX_LEASE_S = 9_000_000_000;

/** No lease, in etcd's words. */
export const NO_LEASE = '0';

interface Lease {
  readonly id: Promise<string>;
  /** The id, as soon as it is known. */
  known?: string;
}

export class Leases {
  readonly #grant: (ttlS: number) => Promise<string>;
  readonly #leases = new Map<number, Lease>();

  /** `grant`: asks etcd for a lease and gives its id. */
  constructor(grant: (ttlS: number) => Promise<string>) {
    this.#grant = grant;
  }

  /** A lease for an entry that ends in `leftMs`; rejects as `grant` does. */
  async leaseFor(leftMs: number): Promise<string> {
    const now = performance.now();
    const deadline = now + Math.max(leftMs, 0) + SLACK_MS + TRAVEL_MS;
    const width = bucketMs(leftMs);
    const bucketEnd = Math.ceil(deadline / width) * width;
    const ttlS = Math.ceil((bucketEnd - now) / 1000);
    if (ttlS > MAX_LEASE_S) return NO_LEASE;
    return (this.#leases.get(bucketEnd) ?? this.#granted(bucketEnd, ttlS, now)).id;
  }

  /** etcd says that this lease is not there. */
  forget(id: string): void {
    for (const [bucketEnd, { known }] of this.#leases) {
      if (known === id) this.#leases.delete(bucketEnd);
    }
  }

  #granted(bucketEnd: number, ttlS: number, now: number): Lease {
    for (const end of this.#leases.keys()) if (end <= now) this.#leases.delete(end);
    const lease: Lease = { id: this.#grant(ttlS) };
    this.#leases.set(bucketEnd, lease);
    lease.id.then(
      (id) => {
        lease.known = id;
      },
      // What could not be had is asked for again by the next one who needs it.
      () => this.#leases.delete(bucketEnd),
    );
    return lease;
  }
}

/** A power of two times four seconds, at most a quarter of the time. */
function bucketMs(leftMs: number): number {
  const quarters = Math.max(leftMs / 4 / MIN_BUCKET_MS, 1);
  return MIN_BUCKET_MS * 2 ** Math.floor(Math.log2(quarters));
}
