/** Networks as people write them: `192.0.2.0/24`, `2001:db8::/48`. */

import { addressBytes, unmapped } from '../capabilities/address.ts';
import { formatAddress, networkOf } from './address.ts';

export interface Netmask {
  readonly family: 4 | 6;
  readonly bits: number;
  /** The first address, in its shortest spelling, and the length: `192.0.2.0/24`. */
  readonly text: string;
}

/** `undefined` if it is none. Bits beyond the length are made zero. */
export function parseNetmask(text: string): Netmask | undefined {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const written = addressBytes(address);
  if (!written) return undefined;
  const bytes = unmapped(written);
  const bits = Number(length) - (written.length - bytes.length) * 8;
  if (bits < 0 || bits > bytes.length * 8) return undefined;
  return netmaskOf(bytes, bits);
}

/** The network of this length that an address is in. */
export function netmaskOf(bytes: Uint8Array, bits: number): Netmask {
  return {
    family: bytes.length === 4 ? 4 : 6,
    bits,
    text: `${formatAddress(networkOf(bytes, bits))}/${bits}`,
  };
}
