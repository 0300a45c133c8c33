/** Addresses that do not belong to a machine on the public Internet. */

import { BlockList, isIPv4 } from 'node:net';
import { addressBytes } from './address.ts';

// One list for each family: a BlockList with ::ffff:0:0/96 in it holds every IPv4 address too.

/** RFC 6890 and its registry: https://www.iana.org/assignments/iana-ipv4-special-registry */
const SPECIAL_4 = blockList('ipv4', [
  ['0.0.0.0', 8], // this network, unspecified
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // CGNAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, metadata of clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
]);

/** Global unicast. Everything outside of it is loopback, private, multicast, IPv4 in disguise or not in use. */
const GLOBAL_6 = blockList('ipv6', [['2000::', 3]]);

const SPECIAL_GLOBAL_6 = blockList('ipv6', [
  ['2001::', 23], // protocol assignments, Teredo
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: an IPv4 address inside
  ['3fff::', 20], // documentation
]);

const LOOPBACK_4 = blockList('ipv4', [['127.0.0.0', 8]]);
const LOOPBACK_6 = blockList('ipv6', [['::1', 128]]);

/**
 * Whether an address is private, loopback, link-local, multicast, reserved, for documentation,
 * or an IPv6 form of an IPv4 address; so is whatever is no plain IP address.
 */
export function isSpecialAddress(address: string): boolean {
  if (addressBytes(address) === undefined) return true;
  if (isIPv4(address)) return SPECIAL_4.check(address, 'ipv4');
  return !GLOBAL_6.check(address, 'ipv6') || SPECIAL_GLOBAL_6.check(address, 'ipv6');
}

export function isLoopback(address: string): boolean {
  if (addressBytes(address) === undefined) return false;
  return isIPv4(address) ? LOOPBACK_4.check(address, 'ipv4') : LOOPBACK_6.check(address, 'ipv6');
}

function blockList(
  family: 'ipv4' | 'ipv6',
  subnets: readonly (readonly [string, number])[],
): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, family);
  return list;
}
