/** The address of a CONNECT packet in the form that other programs expect. */

import type { Family } from './packets.ts';

const IPV6_PREFIX = /^ipv6:/i;

/**
 * `2001:db8::1` for Sendmail's `IPv6:2001:db8::1` and for `[2001:db8::1]`, `192.0.2.1` for
 * `[192.0.2.1]`; paths of unix sockets and everything else as it is. The prefix is matched
 * in any case, as Sendmail does (sm_gethost.c). It does not check that the rest is an address.
 */
export function plainAddress(family: Family, address: string): string {
  if (family !== 'inet' && family !== 'inet6') return address;
  const bare = withoutBrackets(address);
  if (family === 'inet') return bare;
  return withoutBrackets(bare.replace(IPV6_PREFIX, ''));
}

function withoutBrackets(address: string): string {
  return address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
}
