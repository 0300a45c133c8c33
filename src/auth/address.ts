/** Addresses in one spelling, so that counters and lists of them fit. */

import { addressBytes, unmapped } from '../capabilities/address.ts';

/** The shortest spelling of an IP address, IPv4 for one that is mapped into IPv6; `undefined` if it is none. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = addressBytes(text);
  return bytes && formatAddress(unmapped(bytes));
}

/** 4 or 16 bytes as text (RFC 5952). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, group) =>
    ((bytes[group * 2]! << 8) | bytes[group * 2 + 1]!).toString(16),
  );
  // URLs know the rule for the run of zeros that is left out.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** The network of an address: its first `bits`, the others zero. */
export function networkOf(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, at) => {
    const kept = Math.min(8, Math.max(0, bits - at * 8));
    return byte & (0xff << (8 - kept));
  });
}
