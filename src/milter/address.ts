/**
 * Where a listener listens, in the spellings of Postfix (`inet:host:port`) and libmilter
 * (`inet:port@host`, smfi_setconn).
 */

import { isIP } from 'node:net';

export type ListenAddress =
  | {
      readonly kind: 'tcp';
      /** A name, or an address without brackets; absent: every address of the machine. */
      readonly host?: string;
      /** 0 lets the system choose. */
      readonly port: number;
      /** Only IPv6 (`inet6:`). */
      readonly ipv6Only: boolean;
    }
  | { readonly kind: 'unix'; readonly path: string };

/** A listen address that cannot be understood. */
export class ListenAddressError extends Error {
  readonly code = 'ERR_LISTEN_ADDRESS';
  constructor(spec: string, problem: string) {
    super(
      `expected a listen address such as 'inet:127.0.0.1:9900', 'inet:9900@localhost', ` +
        `'inet6:9900@[::1]' or 'unix:/run/milter.sock', got '${spec}': ${problem}`,
    );
    this.name = 'ListenAddressError';
  }
}

/** Longest path of a Unix socket (sun_path of sockaddr_un without its NUL), in bytes. */
const MAX_UNIX_PATH_BYTES = 107;

/** Reads a listen address; throws {@link ListenAddressError}. */
export function parseListen(spec: string): ListenAddress {
  if (spec.startsWith('/')) return unixAddress(spec, spec);
  const colon = spec.indexOf(':');
  const scheme = colon < 0 ? '' : spec.slice(0, colon).toLowerCase();
  const rest = spec.slice(colon + 1);
  switch (scheme) {
    case 'unix':
    case 'local':
      return unixAddress(spec, rest);
    case 'inet':
      return tcpAddress(spec, rest, false);
    case 'inet6':
      return tcpAddress(spec, rest, true);
    default:
      throw new ListenAddressError(spec, "it begins with none of 'inet:', 'inet6:', 'unix:', '/'");
  }
}

function unixAddress(spec: string, path: string): ListenAddress {
  if (path === '') throw new ListenAddressError(spec, 'the path is missing');
  if (path.includes('\0')) throw new ListenAddressError(spec, 'the path contains a NUL');
  if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    throw new ListenAddressError(spec, `the path is longer than ${MAX_UNIX_PATH_BYTES} bytes`);
  }
  return { kind: 'unix', path };
}

function tcpAddress(spec: string, rest: string, ipv6Only: boolean): ListenAddress {
  const { host, port } = splitHostPort(rest);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new ListenAddressError(spec, `'${port}' is not a port number from 0 to 65535`);
  }
  const bare = host === undefined ? undefined : bareHost(spec, host);
  if (bare !== undefined && ipv6Only && isIP(bare) === 4) {
    throw new ListenAddressError(spec, `'${bare}' is an IPv4 address; write 'inet:'`);
  }
  return { kind: 'tcp', port: Number(port), ipv6Only, ...(bare !== undefined && { host: bare }) };
}

/** `9900`, `9900@host` or `host:9900`; an IPv6 address may stand in brackets or, after `@`, bare. */
function splitHostPort(rest: string): { readonly host?: string; readonly port: string } {
  const at = rest.indexOf('@');
  if (at >= 0) return { port: rest.slice(0, at), host: rest.slice(at + 1) };
  const colon = rest.lastIndexOf(':');
  return colon < 0 ? { port: rest } : { host: rest.slice(0, colon), port: rest.slice(colon + 1) };
}

function bareHost(spec: string, host: string): string {
  const inBrackets = /^\[(.*)\]$/.exec(host)?.[1];
  if (inBrackets !== undefined) {
    const bare = inBrackets.replace(/^ipv6:/i, '');
    if (isIP(bare) === 0) throw new ListenAddressError(spec, `'${bare}' is not an address`);
    return bare;
  }
  if (host === '') throw new ListenAddressError(spec, 'the host is missing');
  if (isIP(host) === 0 && !/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(host)) {
    throw new ListenAddressError(spec, `'${host}' is neither an address nor a host name`);
  }
  return host;
}

/** The address in Postfix's spelling, which {@link parseListen} reads back. */
export function formatListen(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const scheme = address.ipv6Only ? 'inet6' : 'inet';
  if (address.host === undefined) return `${scheme}:${address.port}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${scheme}:${host}:${address.port}`;
}
