/**
 * Who is refused whatever the filters say, and who is not. The lists lie in a store, each entry
 * under a key that people and filters (with `kv: { namespace: 'logins' }`) can make themselves:
 *
 *     logins/ban/ip/192.0.2.1
 *     logins/ban/net/192.0.2.0/24
 *     logins/ban/login/ann
 *     logins/ban/ip-login/192.0.2.1/ann
 *     logins/ban/net-lengths               { "4": [24], "6": [64] }: which lengths were ever used
 *     logins/allow/...                     the same
 *
 * An address is in its shortest spelling. A login that is too long for a key, or no proper text,
 * is `login-sha256/<hex of its SHA-256>` instead. The value is a {@link ListEntry}; the entry
 * lives as long as the key.
 */

import { createHash } from 'node:crypto';
import { addressBytes, unmapped } from '../capabilities/address.ts';
import type { JsonValue } from '../config/json.ts';
import type { Store } from '../kv/store.ts';
import { decodeValue, encodeValue } from '../kv/value.ts';
import { isObject } from './json.ts';
import { type Netmask, netmaskOf } from './netmask.ts';

export type ListName = 'ban' | 'allow';

/** Whom an entry is about. An address is in its shortest spelling. */
export type Subject =
  | { readonly kind: 'ip'; readonly ip: string }
  | { readonly kind: 'net'; readonly net: Netmask }
  | { readonly kind: 'login'; readonly login: string }
  | { readonly kind: 'ip-login'; readonly ip: string; readonly login: string };

/** What lies at the key, as JSON. */
export interface ListEntry {
  readonly ip?: string;
  readonly netmask?: string;
  readonly login?: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
  /** RFC 3339; absent: for good. */
  readonly until?: string;
}

/** Bytes of a login in UTF-8 that still is part of a key. */
const LOGIN_BYTES = 512;
/** Entries that are listed at most. */
const LISTED = 10_000;
const PAGE = 500;
/** How often the lengths are tried to be noted when others note theirs at the same time. */
const TRIES = 20;

export class Lists {
  readonly #store: Store;
  readonly #now: () => number;

  constructor(store: Store, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  /** `ttlMs` absent: for good. Replaces an entry about the same. Rejects with KvError. */
  async add(list: ListName, subject: Subject, reason: string, ttlMs?: number): Promise<void> {
    // First: an entry whose length nobody looks for is as good as none.
    if (subject.kind === 'net') await this.#noteLength(list, subject.net);
    const now = this.#now();
    const entry: ListEntry = {
      ...('ip' in subject && { ip: subject.ip }),
      ...('net' in subject && { netmask: subject.net.text }),
      ...('login' in subject && { login: subject.login.toWellFormed() }),
      reason: reason.toWellFormed(),
      since: new Date(now).toISOString(),
      ...(ttlMs !== undefined && { until: new Date(now + ttlMs).toISOString() }),
    };
    await this.#store.set(keyOf(list, subject), encodeValue({ ...entry }), ttlMs);
  }

  /** Tells whether there was an entry. */
  delete(list: ListName, subject: Subject): Promise<boolean> {
    return this.#store.delete(keyOf(list, subject));
  }

  /** The entries, up to a limit, in no order. */
  async entries(list: ListName): Promise<readonly ListEntry[]> {
    const found: ListEntry[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#store.scan(`logins/${list}/`, {
        limit: PAGE,
        ...(cursor !== undefined && { cursor }),
      });
      for (const { key, sight } of page.entries) {
        if (key === lengthsKey(list)) continue;
        const entry = sight.kind === 'value' ? readEntry(sight.value) : undefined;
        if (entry) found.push(entry);
      }
      cursor = page.next;
    } while (cursor !== undefined && found.length < LISTED);
    return found.slice(0, LISTED);
  }

  /** The entry that is about this login from this address, if there is one. */
  async find(
    list: ListName,
    who: { readonly login: string; readonly address?: string | undefined },
  ): Promise<ListEntry | undefined> {
    const { login, address } = who;
    const subjects: Subject[] = [{ kind: 'login', login }];
    if (address !== undefined) {
      subjects.push({ kind: 'ip', ip: address }, { kind: 'ip-login', ip: address, login });
      subjects.push(...(await this.#netsAround(list, address)));
    }
    const values = await Promise.all(subjects.map((each) => this.#store.get(keyOf(list, each))));
    for (const value of values) {
      // Whatever lies there: somebody put it there by hand.
      if (value) return readEntry(value) ?? { reason: '', since: '' };
    }
    return undefined;
  }

  async #netsAround(list: ListName, address: string): Promise<readonly Subject[]> {
    const written = addressBytes(address);
    if (!written) return [];
    const bytes = unmapped(written);
    const lengths = readLengths(await this.#store.get(lengthsKey(list)));
    const those = lengths[bytes.length === 4 ? 4 : 6];
    return those.map((bits): Subject => ({ kind: 'net', net: netmaskOf(bytes, bits) }));
  }

  async #noteLength(list: ListName, { family, bits }: Netmask): Promise<void> {
    const key = lengthsKey(list);
    for (let tried = 0; tried < TRIES; tried++) {
      const present = await this.#store.get(key);
      const lengths = readLengths(present);
      if (lengths[family].includes(bits)) return;
      const more = [...lengths[family], bits].sort((a, b) => b - a);
      if (await this.#store.cas(key, present, encodeValue({ ...lengths, [family]: more }))) return;
    }
    throw new Error(`${key}: changed by others at every try; try again`);
  }
}

function lengthsKey(list: ListName): string {
  return `logins/${list}/net-lengths`;
}

function keyOf(list: ListName, subject: Subject): string {
  switch (subject.kind) {
    case 'ip':
      return `logins/${list}/ip/${subject.ip}`;
    case 'net':
      return `logins/${list}/net/${subject.net.text}`;
    case 'login':
      return `logins/${list}/login${loginPart(subject.login)}`;
    case 'ip-login':
      return `logins/${list}/ip-login/${subject.ip}${loginPart(subject.login)}`;
    default:
      return subject satisfies never;
  }
}

function loginPart(login: string): string {
  if (login.isWellFormed() && Buffer.byteLength(login) <= LOGIN_BYTES) return `/${login}`;
  return `-sha256/${createHash('sha256').update(Buffer.from(login, 'utf16le')).digest('hex')}`;
}

/** The lengths, longest first; what somebody else wrote there counts as none. */
function readLengths(value: Buffer | undefined): Record<4 | 6, readonly number[]> {
  const json = value && readJson(value);
  const lengths = (family: '4' | '6', most: number) => {
    const list = isObject(json) ? json[family] : undefined;
    return Array.isArray(list)
      ? list.filter((bits) => Number.isInteger(bits) && bits >= 0 && bits <= most)
      : [];
  };
  return { 4: lengths('4', 32), 6: lengths('6', 128) };
}

/** An entry may have been written by hand, with less in it. */
function readEntry(value: Buffer): ListEntry | undefined {
  const json = readJson(value);
  if (!isObject(json)) return undefined;
  const text = (name: string) =>
    typeof json[name] === 'string' ? (json[name] as string) : undefined;
  const [ip, netmask, login, until] = ['ip', 'netmask', 'login', 'until'].map(text);
  return {
    ...(ip !== undefined && { ip }),
    ...(netmask !== undefined && { netmask }),
    ...(login !== undefined && { login }),
    reason: text('reason') ?? '',
    since: text('since') ?? '',
    ...(until !== undefined && { until }),
  };
}

function readJson(value: Buffer): JsonValue | undefined {
  try {
    const decoded = decodeValue(value);
    return decoded instanceof Uint8Array ? undefined : decoded;
  } catch {
    return undefined;
  }
}
