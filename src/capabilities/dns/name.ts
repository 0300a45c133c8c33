/** Names of the DNS, from what people and other programs write. */

import { domainToASCII } from 'node:url';
import { addressBytes, reversedLabels, unmapped } from '../address.ts';
import { CapabilityFailure } from '../failure.ts';

/** RFC 1035 section 2.3.4, without the length bytes of the root and of the first label. */
const MAX_NAME = 253;
const MAX_LABEL = 63;

/**
 * A name as questions carry it: ASCII, lower case, no trailing dot. Labels may have any
 * printable character: SPF macros and delegated reverse zones (RFC 2317) use more than hosts do.
 * Throws ERR_ARGUMENT.
 */
export function dnsName(text: string): string {
  const ascii = /^[\x00-\x7f]*$/.test(text) ? text : domainToASCII(text);
  const name = ascii.replace(/\.$/, '').toLowerCase();
  const isName =
    name.length <= MAX_NAME &&
    /^[!-~]+$/.test(name) &&
    name.split('.').every((label) => label.length > 0 && label.length <= MAX_LABEL);
  if (!isName) {
    throw new CapabilityFailure(
      'ERR_ARGUMENT',
      `${JSON.stringify(text.slice(0, 80))} is no name of the DNS`,
    );
  }
  return name;
}

/** The name under which PTR records of an address are kept; a text that is no address is a name. */
export function reverseName(addressOrName: string): string {
  const bytes = addressBytes(addressOrName);
  if (!bytes) return dnsName(addressOrName);
  const short = unmapped(bytes);
  return `${reversedLabels(short)}.${short.length === 4 ? 'in-addr' : 'ip6'}.arpa`;
}

/**
 * Whether a name from an answer can be a host's. Whoever owns a reverse zone can put any
 * bytes into it; what cannot be a host's name is not let into filters and logs.
 */
export function isHostName(name: string): boolean {
  return name.length <= MAX_NAME && /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i.test(name);
}
