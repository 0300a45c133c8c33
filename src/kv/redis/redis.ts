/**
 * A store in Redis 6.2 or later, or Valkey: one server, a Sentinel's master, or a Cluster.
 *
 * What a command of Redis can do is done by it, all else by scripts (scripts/), which do in
 * the server what ../changes/ does elsewhere. The clock is the server's. Each call is about
 * one key, so it never needs two nodes of a cluster. Values are strings, which redis-cli
 * shows; the rest is kept in Redis's own types, see the scripts.
 */

import type { RedisUrl } from '../../config/kv-url.ts';
import {
  checkedRate,
  checkHolder,
  checkLease,
  checkPeriod,
  checkStep,
  checkTtl,
  checkValue,
  checkWindow,
} from '../arguments.ts';
import { memberHash } from '../changes/distinct.ts';
import { slotMs } from '../changes/window.ts';
import { MAX_EXPIRY_MS } from '../entry.ts';
import { checkKey } from '../key.ts';
import type {
  LeaseAnswer,
  LeaseTerms,
  Page,
  PageOrder,
  RateAnswer,
  RateLimit,
  Sight,
  Store,
  WindowSpan,
} from '../store.ts';
import { setUpAdvice } from './advice.ts';
import { type Argument, RedisConnection } from './connection.ts';
import { isWrongType } from './failure.ts';
import type { RedisOptions } from './options.ts';
import { answerOf, numberOf, otherType, sumOf, textOf } from './reply.ts';
import { keyPage } from './scan.ts';
import { DISTINCT_ADD, DISTINCT_COUNT } from './scripts/distinct.ts';
import { LEASE_ACQUIRE, LEASE_RELEASE, LEASE_RENEW } from './scripts/lease.ts';
import { RATE } from './scripts/rate.ts';
import { KIND, SIGHT } from './scripts/sight.ts';
import { CAS, INCR } from './scripts/value.ts';
import { WINDOW_ADD, WINDOW_SUM } from './scripts/window.ts';
import { sightOf } from './sight.ts';

export type { RedisOptions } from './options.ts';

/** A time to live that ends so late that its end is the last there is. */
const AGES_MS = MAX_EXPIRY_MS / 2;

export class RedisStore implements Store {
  readonly kind = 'redis';
  readonly #connection: RedisConnection;

  /** Connects in the background, and again whenever the connection is lost. */
  constructor(url: RedisUrl, options: RedisOptions = {}) {
    this.#connection = new RedisConnection(url, options);
  }

  async get(key: string): Promise<Buffer | undefined> {
    checkKey(key);
    try {
      return ((await this.#connection.command('get', key)) as Buffer | null) ?? undefined;
    } catch (error) {
      if (!isWrongType(error)) throw error;
      const reply = await this.#connection.run(KIND, key);
      throw otherType(key, textOf(answerOf(key, 'value', reply)[0]), 'value');
    }
  }

  async has(key: string): Promise<boolean> {
    return (await this.#command('exists', key)) === 1;
  }

  async set(key: string, value: Uint8Array, ttlMs?: number): Promise<void> {
    await this.#command('set', key, ownValue(key, value, ttlMs), ...expiryOf(ttlMs));
  }

  async add(key: string, value: Uint8Array, ttlMs?: number): Promise<boolean> {
    const own = ownValue(key, value, ttlMs);
    return (await this.#command('set', key, own, 'NX', ...expiryOf(ttlMs))) !== null;
  }

  async cas(
    key: string,
    expected: Uint8Array | undefined,
    value: Uint8Array,
    ttlMs?: number,
  ): Promise<boolean> {
    const own = ownValue(key, value, ttlMs);
    const before = expected ? Buffer.from(expected) : '';
    const reply = await this.#connection.run(CAS, key, expected ? 1 : 0, before, own, ttlMs ?? '');
    return answerOf(key, 'value', reply)[0] === 1;
  }

  async incr(key: string, by: number, ttlMs?: number): Promise<number> {
    checkStep(key, by);
    checkTtl(key, ttlMs);
    checkKey(key);
    return sumOf(key, by, await this.#connection.run(INCR, key, by, ttlMs ?? ''));
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#command('del', key)) === 1;
  }

  async expire(key: string, ttlMs: number): Promise<boolean> {
    checkTtl(key, ttlMs);
    const [how, when] = expiryOf(ttlMs);
    const command = how === 'PX' ? 'pexpire' : 'pexpireat';
    return (await this.#command(command, key, when ?? 0)) === 1;
  }

  async ttl(key: string): Promise<number | undefined> {
    const leftMs = numberOf(await this.#command('pttl', key));
    // Redis keeps a key in the millisecond in which it expires.
    return leftMs < 0 ? undefined : Math.max(1, leftMs);
  }

  async rate(key: string, limit: RateLimit): Promise<RateAnswer> {
    const { limit: many, perMs, burst, cost } = checkedRate(key, limit);
    checkKey(key);
    const reply = await this.#connection.run(RATE, key, burst, cost, perMs / many);
    const [allowed, remaining, retryAfterMs] = answerOf(key, 'rate', reply).map(numberOf);
    return {
      allowed: allowed === 1,
      remaining: remaining ?? 0,
      retryAfterMs: retryAfterMs ?? 0,
    };
  }

  async windowAdd(key: string, n: number, span: WindowSpan): Promise<number> {
    checkStep(key, n);
    checkWindow(key, span);
    checkKey(key);
    const reply = await this.#connection.run(WINDOW_ADD, key, n, span.perMs, slotMs(span));
    return numberOf(answerOf(key, 'window', reply)[0]);
  }

  async windowSum(key: string, span: WindowSpan): Promise<number> {
    checkWindow(key, span);
    checkKey(key);
    const reply = await this.#connection.run(WINDOW_SUM, key, span.perMs);
    return numberOf(answerOf(key, 'window', reply)[0]);
  }

  async distinctAdd(key: string, member: string, perMs: number): Promise<number> {
    checkPeriod(key, perMs);
    const hash = memberHash(member);
    checkKey(key);
    const reply = await this.#connection.run(DISTINCT_ADD, key, hash, perMs);
    return numberOf(answerOf(key, 'distinct', reply)[0]);
  }

  async distinctCount(key: string, perMs: number): Promise<number> {
    checkPeriod(key, perMs);
    checkKey(key);
    const reply = await this.#connection.run(DISTINCT_COUNT, key, perMs);
    return numberOf(answerOf(key, 'distinct', reply)[0]);
  }

  async leaseAcquire(key: string, holder: string, terms: LeaseTerms): Promise<LeaseAnswer> {
    checkLease(key, holder, terms);
    checkKey(key);
    const { limit, ttlMs } = terms;
    const reply = await this.#connection.run(LEASE_ACQUIRE, key, holder, limit, ttlMs);
    const [acquired, count] = answerOf(key, 'lease', reply).map(numberOf);
    return { acquired: acquired === 1, count: count ?? 0 };
  }

  async leaseRenew(key: string, holder: string, ttlMs: number): Promise<boolean> {
    checkHolder(key, holder);
    checkTtl(key, ttlMs);
    checkKey(key);
    const reply = await this.#connection.run(LEASE_RENEW, key, holder, ttlMs);
    return answerOf(key, 'lease', reply)[0] === 1;
  }

  async leaseRelease(key: string, holder: string): Promise<boolean> {
    checkHolder(key, holder);
    checkKey(key);
    const reply = await this.#connection.run(LEASE_RELEASE, key, holder);
    return answerOf(key, 'lease', reply)[0] === 1;
  }

  async look(key: string): Promise<Sight | undefined> {
    checkKey(key);
    return sightOf(key, await this.#connection.run(SIGHT, key));
  }

  /** Keys of other programs that hold neither a value nor a state of ours are left out. */
  async scan(prefix: string, order: PageOrder): Promise<Page> {
    if (prefix !== '') checkKey(prefix);
    const { keys, next } = await keyPage(this.#connection, prefix, order);
    // Asked in one tick, so they leave in one write.
    const entries = await Promise.all(
      keys.map(async (key) => ({ key, sight: await this.look(key) })),
    );
    return {
      entries: entries.flatMap(({ key, sight }) => (sight ? [{ key, sight }] : [])),
      ...(next !== undefined && { next }),
    };
  }

  /** What in the server's set-up endangers counters, in sentences; none where it is not told. */
  advice(): Promise<string[]> {
    return setUpAdvice(this.#connection);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #command(name: string, key: string, ...args: readonly Argument[]): Promise<unknown> {
    checkKey(key);
    return this.#connection.command(name, key, ...args);
  }
}

/** A copy of the value: the caller may reuse its buffer before it is sent. */
function ownValue(key: string, value: Uint8Array, ttlMs: number | undefined): Buffer {
  checkKey(key);
  checkTtl(key, ttlMs);
  checkValue(key, value);
  return Buffer.from(value);
}

/** A time to live for SET: counted by the server, in whole milliseconds. */
function expiryOf(ttlMs: number | undefined): readonly [] | readonly [how: string, ms: number] {
  if (ttlMs === undefined) return [];
  return ttlMs > AGES_MS ? ['PXAT', MAX_EXPIRY_MS] : ['PX', Math.ceil(ttlMs)];
}
