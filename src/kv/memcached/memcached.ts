/** The store on memcached. */

import { type Response, Utils } from 'memjs';
import { type KvUrl, shownKvUrl } from '../../config/kv-url.ts';
import { Combining, type Held, type Swapped, type Swaps } from '../combining.ts';
import { type Entry, NEVER, type Step } from '../entry.ts';
import { type Entries, type EntryPage, EntryStore } from '../entry-store.ts';
import { packEnvelope, unpackEnvelope } from '../envelope.ts';
import { KvError } from '../errors.ts';
import { shownKey } from '../key.ts';
import type { StoreOptions } from '../store.ts';
import { Connection } from './connection.ts';
import { type Link, LinkFailure } from './link.ts';
import { itemName } from './names.ts';
import {
  adding,
  deleting,
  expirationIn,
  getting,
  NO_EXPIRATION,
  type Request,
  replacing,
  STATUS,
  statusOf,
} from './requests.ts';

export type MemcachedUrl = Extract<KvUrl, { scheme: 'memcached' }>;

/**
 * memcached is a cache: it forgets entries when its memory is full, and all of them when it
 * is restarted, so a counter may begin anew at any time. Use it for what may be forgotten.
 * Changes are atomic all the same (combining.ts, with memcached's versions of items).
 *
 * Whether an entry's time is over is decided by the clock of the machine that asks, so the
 * machines that share a store need NTP. memcached frees the room a second or two later.
 *
 * A value has a little less than 1 MB (memcached's -I, less about 100 bytes and the key).
 * Keys are kept as they are where memcached can (names.ts); it cannot list them. On several
 * servers a key lies where memjs' clients look for it; one that is down takes its keys
 * with it, the others work on. A user and a password log in by SASL (PLAIN).
 */
export class MemcachedStore extends EntryStore {
  /** Connects in the background, for ever; never throws. */
  constructor(url: MemcachedUrl, options: StoreOptions = {}) {
    const { now = Date.now } = options;
    super(new MemcachedEntries(url, now), now);
  }
}

/** Versions begin anew when memcached is restarted, so they are those of a connection. */
interface Version {
  readonly link: Link;
  /** `undefined`: there is no item. */
  readonly cas: Buffer | undefined;
}

class MemcachedEntries implements Entries, Swaps<Version> {
  readonly kind = 'memcached';
  readonly #shown: string;
  readonly #now: () => number;
  readonly #connections: readonly Connection[];
  readonly #combining = new Combining<Version>('memcached', this);
  readonly #reads = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(url: MemcachedUrl, now: () => number) {
    const { hosts, username, password } = url;
    const login = {
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    };
    this.#shown = shownKvUrl(url);
    this.#now = now;
    this.#connections = hosts.map((host) => new Connection({ ...host, ...login }));
  }

  async read(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    const read = this.load(key);
    this.#reads.add(read);
    return (await read.finally(() => this.#reads.delete(read))).entry;
  }

  async change<Answer>(
    key: string,
    change: (entry: Entry | undefined) => Step<Answer>,
  ): Promise<Answer> {
    this.#checkOpen();
    return this.#combining.change(key, change);
  }

  async list(): Promise<EntryPage> {
    const message =
      'memcached cannot list its keys; use lmdb, Redis or etcd for a filter that calls scan';
    throw new KvError('ERR_KV_UNSUPPORTED', message);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async load(key: string): Promise<Held<Version>> {
    const name = itemName(key);
    const link = await this.#connectionOf(name)
      .link()
      .catch((error: unknown) => {
        throw this.#errorOf(error);
      });
    const response = await this.#send(link, getting(name));
    const { status, cas } = statusOf(response);
    switch (status) {
      case STATUS.success:
        // A copy: the value is a part of all that was received with it.
        return { entry: unpackEnvelope(key, Buffer.from(response.val)), version: { link, cas } };
      case STATUS.absent:
        return { entry: undefined, version: { link, cas: undefined } };
      default:
        throw this.#refusal(key, response);
    }
  }

  async swap(
    key: string,
    { version: { link, cas: before } }: Held<Version>,
    entry: Entry | undefined,
  ): Promise<Swapped<Version>> {
    if (!link.isReady) return { done: false };
    const response = await this.#send(link, this.#writing(itemName(key), before, entry));
    const { status, cas } = statusOf(response);
    switch (status) {
      case STATUS.success:
        return { done: true, now: { entry, version: { link, cas: entry && cas } } };
      case STATUS.absent:
      case STATUS.exists:
      case STATUS.notStored:
        return { done: false };
      default:
        throw this.#refusal(key, response);
    }
  }

  #writing(name: string, cas: Buffer | undefined, entry: Entry | undefined): Request {
    // Nothing is never replaced by nothing, so what is deleted has a version.
    if (entry === undefined) return deleting(name, cas!);
    const value = packEnvelope(entry);
    const expiration =
      entry.expiryMs === NEVER ? NO_EXPIRATION : expirationIn(entry.expiryMs - this.#now());
    return cas ? replacing(name, value, expiration, cas) : adding(name, value, expiration);
  }

  async #close(): Promise<void> {
    await this.#combining.idle();
    await Promise.allSettled(this.#reads);
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  /** The server of an item, chosen as memjs' Client chooses it. */
  #connectionOf(name: string): Connection {
    return this.#connections[Utils.hashCode(name) % this.#connections.length]!;
  }

  async #send(link: Link, request: Request): Promise<Response> {
    try {
      return await link.request(request);
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  #errorOf(error: unknown): unknown {
    if (!(error instanceof LinkFailure)) return error;
    const reason = /authentication failed/i.test(error.message)
      ? 'wrong user or password (SASL), or none; correct them in the URL of the store'
      : `${error.message}${error.sent ? ', so a change may have been made or not' : ''}; see that memcached runs there and can be reached`;
    const message = `${this.#shown}: ${reason}`;
    return new KvError('ERR_KV_UNAVAILABLE', message, { cause: error });
  }

  #refusal(key: string, { header: { status }, val }: Response): KvError {
    switch (status) {
      case STATUS.tooLarge: {
        const message = `${shownKey(key)}: the value is too large for memcached at ${this.#shown}, which has 1 MB for key, value and its own data; store less, or start it with a larger -I`;
        return new KvError('ERR_KV_VALUE', message);
      }
      case STATUS.outOfMemory: {
        const message = `${this.#shown}: memcached has no memory left for this entry; give it more by -m`;
        return new KvError('ERR_KV_UNAVAILABLE', message);
      }
      default: {
        const message = `${this.#shown}: memcached refuses with status ${status} (${val.toString('latin1', 0, 100)}); see its log`;
        return new KvError('ERR_KV_UNAVAILABLE', message);
      }
    }
  }

  #checkOpen(): void {
    if (this.#closing) throw new KvError('ERR_KV_UNAVAILABLE', 'the store is closed');
  }
}
