/** Addresses and ESMTP parameters between their form on the wire and the one that authors see. */

import type { EsmtpArgs, Recipient } from './api.ts';

/** `<user@example.com>` or `user@example.com` without its brackets. */
export function plainMailbox(address: string): string {
  return address.startsWith('<') && address.endsWith('>') ? address.slice(1, -1) : address;
}

/** `['SIZE=1', 'SMTPUTF8']` as `{ SIZE: '1', SMTPUTF8: true }`; names are upper-cased (RFC 5321 section 4.1.1.11). */
export function argsFromWire(args: readonly string[]): EsmtpArgs {
  const parsed: Record<string, string | true> = {};
  for (const arg of args) {
    const at = arg.indexOf('=');
    if (at < 0) parsed[arg.toUpperCase()] = true;
    else parsed[arg.slice(0, at).toUpperCase()] = arg.slice(at + 1);
  }
  return parsed;
}

export function recipientFromWire(address: string, args: readonly string[]): Recipient {
  return { address: plainMailbox(address), args: argsFromWire(args) };
}

/** The reverse of {@link argsFromWire}; throws on what no MTA would take. */
export function argsToWire(args: EsmtpArgs | undefined): string[] {
  return Object.entries(args ?? {}).map(([name, value]) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9-]*$/.test(name))
      throw new TypeError(`ESMTP parameter "${name}": a name has letters, digits and "-" only`);
    if (value === true) return name;
    if (typeof value !== 'string' || !/^[^\0-\x20=\x7f]+$/.test(value)) {
      throw new TypeError(
        `ESMTP parameter ${name}: expected true or a text without spaces, "=" and control characters`,
      );
    }
    return `${name}=${value}`;
  });
}

/** An address for the envelope, without brackets; throws on what would break the SMTP dialogue. */
export function checkedMailbox(what: string, address: unknown, allowNull: boolean): string {
  if (typeof address !== 'string')
    throw new TypeError(`${what}: expected an address, got ${typeof address}`);
  const mailbox = plainMailbox(address.trim());
  if (/[\0-\x1f\x7f<>]/.test(mailbox))
    throw new TypeError(`${what}: "${mailbox}" has a character that no address has`);
  if (mailbox === '' && !allowNull) throw new TypeError(`${what}: the address is empty`);
  return mailbox;
}
