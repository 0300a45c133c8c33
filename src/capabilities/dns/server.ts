/** The resolvers that are asked. */

import { getServers } from 'node:dns';
import { isIP, isIPv6 } from 'node:net';

export interface DnsServer {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

const DNS_PORT = 53;

/** `127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:53`; `undefined` when it is none of these. */
export function parseDnsServer(text: string): DnsServer | undefined {
  if (isIP(text)) return { address: text, port: DNS_PORT };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = match?.[3] === undefined ? DNS_PORT : Number(match[3]);
  if (isIP(address) === 0 || isIPv6(address) !== (match?.[1] !== undefined)) return undefined;
  return port >= 1 && port <= 65_535 ? { address, port } : undefined;
}

/** Those that are named, or the system's. Throws on one that is no server. */
export function dnsServers(named: readonly string[] | undefined): readonly DnsServer[] {
  const texts = named && named.length > 0 ? named : getServers();
  return texts.map((text) => {
    const server = parseDnsServer(text);
    if (!server) {
      throw new TypeError(
        `DNS server ${JSON.stringify(text)}: expected an address such as '127.0.0.1', '127.0.0.1:5353' or '[::1]:53'`,
      );
    }
    return server;
  });
}

export function shownServer({ address, port }: DnsServer): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
