/** IP addresses as bytes, however they are spelled. */

import { isIPv4, isIPv6 } from 'node:net';

/**
 * The 4 or 16 bytes of an address; `undefined` when it is none. An address with a zone
 * (`fe80::1%eth0`) is none: it means something on one machine only.
 */
export function addressBytes(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  if (!isIPv6(address) || address.includes('%')) return undefined;
  const [head = '', tail] = withoutDots(address).split('::');
  const before = groups(head);
  const after = groups(tail ?? '');
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`) as IPv4; others as they are. */
export function unmapped(bytes: Uint8Array): Uint8Array {
  const isMapped =
    bytes.length === 16 &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff;
  return isMapped ? bytes.subarray(12) : bytes;
}

/** The labels under which the reverse zones and block lists keep an address (RFC 1035 3.5, RFC 3596 2.5). */
export function reversedLabels(bytes: Uint8Array): string {
  const labels =
    bytes.length === 4
      ? [...bytes].map(String)
      : [...bytes].flatMap((byte) => [(byte >> 4).toString(16), (byte & 0xf).toString(16)]);
  return labels.reverse().join('.');
}

/** The IPv4 tail of `::ffff:192.0.2.1` as two groups. */
function withoutDots(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [a, b, c, d] = octets.map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
