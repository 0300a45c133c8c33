/**
 * The hosts that a filter may talk to (`options.http`), and the addresses that their names may
 * lead to. The connection goes to an address that was checked here, not to what a second lookup
 * of the name might say (DNS rebinding).
 */

import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { addressBytes } from './address.ts';
import { CapabilityFailure } from './failure.ts';
import { isLoopback, isSpecialAddress } from './special-addresses.ts';

export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a name, as every other program of the machine gets them; rejects when there is none. */
export type HostLookup = (host: string) => Promise<readonly HostAddress[]>;

export const systemLookup: HostLookup = (host) => lookup(host, { all: true });

/** Where a filter wants to go. */
export interface Destination {
  /** As {@link canonicalHost} gives it. */
  readonly host: string;
  readonly port: number;
}

/** What came of the wish. */
export type Way =
  | { readonly kind: 'open'; readonly addresses: readonly HostAddress[] }
  | { readonly kind: 'unlisted' }
  /** The name leads to nothing but addresses such as this one. */
  | { readonly kind: 'special'; readonly address: string }
  | { readonly kind: 'unknownHost'; readonly why: string };

/** RFC 1035 section 2.3.4: no longer name exists. */
const MAX_HOST = 253;

interface Listed {
  readonly host: string;
  readonly port: number | undefined;
}

/**
 * The one spelling of a host: lower case, ASCII, addresses in their usual form (`0x7f.1` is
 * `127.0.0.1`), no brackets, no trailing dot. `undefined` when it is no host.
 */
export function canonicalHost(text: string): string | undefined {
  const isPlain = /^(?:\[[0-9a-f:.]+\]|[^\s/\\?#@:%[\]]+)$/i.test(text);
  if (!isPlain && !isIPv6(text)) return undefined;
  const url = URL.parse(`http://${isIPv6(text) ? `[${text}]` : text}/`);
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return host === '' || (host?.length ?? 0) > MAX_HOST ? undefined : host;
}

/** A list of hosts as filters have them in their options. */
export class HostList {
  readonly #hosts: readonly Listed[];
  readonly #ranges4 = new BlockList();
  readonly #ranges6 = new BlockList();

  /**
   * `'api.example.com'` any port, `'api.example.com:8443'`, `'10.0.0.1:8080'`, `'[::1]:80'`;
   * `'10.0.0.0/8'` lets listed names lead into that range. Throws ERR_ARGUMENT.
   */
  constructor(entries: readonly string[]) {
    const hosts: Listed[] = [];
    for (const entry of entries) {
      if (this.#addRange(entry)) continue;
      const listed = parseListed(entry);
      if (!listed) {
        throw new CapabilityFailure(
          'ERR_ARGUMENT',
          `options.http: ${JSON.stringify(entry)} is no host; expected one such as 'api.example.com', '10.0.0.1:8080' or '10.0.0.0/8'`,
        );
      }
      hosts.push(listed);
    }
    this.#hosts = hosts;
  }

  /** Whether the host itself is listed, with that port or any. */
  has({ host, port }: Destination): boolean {
    return this.#hosts.some((listed) => listed.host === host && (listed.port ?? port) === port);
  }

  /** The addresses that a connection may be made to; the name is not looked up unless it is listed. */
  async findWay(destination: Destination, lookUp: HostLookup): Promise<Way> {
    if (!this.has(destination)) return { kind: 'unlisted' };
    const { host } = destination;
    const family = isIP(host);
    if (family !== 0) return { kind: 'open', addresses: [{ address: host, family }] };
    let found: readonly HostAddress[];
    try {
      found = await lookUp(host);
    } catch (error) {
      return { kind: 'unknownHost', why: String((error as NodeJS.ErrnoException).code) };
    }
    const addresses = found.filter(({ address }) => this.#mayLeadTo(destination, address));
    if (addresses.length > 0) return { kind: 'open', addresses };
    const [first] = found;
    return first
      ? { kind: 'special', address: first.address }
      : { kind: 'unknownHost', why: 'ENOTFOUND' };
  }

  #mayLeadTo({ host, port }: Destination, address: string): boolean {
    if (!isSpecialAddress(address)) return true;
    if (host === 'localhost' && isLoopback(address)) return true;
    const canonical = canonicalHost(address);
    if (canonical === undefined) return false;
    if (this.has({ host: canonical, port })) return true;
    return isIPv4(address)
      ? this.#ranges4.check(address, 'ipv4')
      : this.#ranges6.check(address, 'ipv6');
  }

  #addRange(entry: string): boolean {
    const match = /^([^/]+)\/(\d{1,3})$/.exec(entry);
    const bytes = addressBytes(match?.[1] ?? '');
    if (!match || !bytes) return false;
    const [address, prefix] = [match[1]!, Number(match[2])];
    if (prefix > bytes.length * 8) return false;
    if (bytes.length === 4) this.#ranges4.addSubnet(address, prefix, 'ipv4');
    else this.#ranges6.addSubnet(address, prefix, 'ipv6');
    return true;
  }
}

const known = new WeakMap<readonly string[], HostList>();

/** The list of these entries; a filter's options are the same array from call to call. */
export function hostListOf(entries: readonly string[]): HostList {
  let list = known.get(entries);
  if (!list) {
    list = new HostList(entries);
    known.set(entries, list);
  }
  return list;
}

/** Why a filter may not go there, and what to write to allow it. */
export function refusal(
  code: string,
  call: string,
  { host, port }: Destination,
  way: Extract<Way, { readonly kind: 'unlisted' | 'special' }>,
): CapabilityFailure {
  const shown = isIPv6(host) ? `[${host}]` : host;
  if (way.kind === 'unlisted') {
    return new CapabilityFailure(
      code,
      `${call}: this filter may not talk to ${shown}:${port}; to allow it, write options.http: ['${shown}:${port}'] in the filter`,
    );
  }
  const address = isIPv6(way.address) ? `[${way.address}]` : way.address;
  return new CapabilityFailure(
    code,
    `${call}: ${shown} leads to ${way.address}, which is no public address; to allow it, write options.http: ['${shown}:${port}', '${address}:${port}'] in the filter`,
  );
}

function parseListed(entry: string): Listed | undefined {
  const match = /^(\[[^\]]*\]|[^:]+)(?::(\d{1,5}))?$/.exec(entry);
  const host = canonicalHost(isIPv6(entry) ? entry : (match?.[1] ?? ''));
  const port = isIPv6(entry) || match?.[2] === undefined ? undefined : Number(match[2]);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  return { host, port };
}
