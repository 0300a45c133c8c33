/** Commands as the facts that filters see. */

import { isIPv6, SocketAddress } from 'node:net';
import { type CommandOf, decodeText, plainAddress } from 'net-milter-codec';
import type { Fact } from '../policy/event.ts';
import { charsetBudget, decodeWords, hasEncodedWords } from './encoded-word.ts';
import type { RawHeader } from './header-changes.ts';

export function connectFact(command: CommandOf<'connect'>): Extract<Fact, { f: 'connect' }> {
  const { hostname, family, port, address } = command;
  return {
    f: 'connect',
    hostname: decodeText(hostname),
    family,
    address: oneSpelling(decodeText(plainAddress(family, address))),
    port,
  };
}

/** Sendmail writes out all zeros of IPv6, Postfix does not: keys and lists want one spelling (RFC 5952). */
function oneSpelling(address: string): string {
  // What has a zone is no address for SocketAddress, which would drop it.
  if (!isIPv6(address) || address.includes('%')) return address;
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

export function heloFact(command: CommandOf<'helo'>): Fact {
  return { f: 'helo', name: decodeText(command.name) };
}

export function mailFact(command: CommandOf<'mail'>): Fact {
  return { f: 'mail', ...envelopeTexts(command) };
}

/** An address and its arguments as texts, for facts and calls alike. */
export function envelopeTexts(command: CommandOf<'mail' | 'rcpt'>) {
  return { address: decodeText(command.address), args: command.args.map(decodeText) };
}

/**
 * The value of a header with its leading space. Without HDR_LEADSPC the MTA took one off
 * and will put one before what it gets back (Sendmail's milter.c, Postfix's milter8.c).
 */
export function rawHeader(command: CommandOf<'header'>, leadingSpace: boolean): RawHeader {
  const { name, value } = command;
  return { name, raw: leadingSpace || value === '' ? value : ` ${value}` };
}

/** The headers from index `from` on. */
export function headersFact(headers: readonly RawHeader[], from: number): Fact {
  let block = '';
  const budget = charsetBudget();
  const decoded: Record<number, string> = {};
  for (let index = from; index < headers.length; index += 1) {
    const { name, raw } = headers[index]!;
    block += `${name}\0${raw}\0`;
    if (hasEncodedWords(raw)) decoded[index] = decodeWords(raw, budget);
  }
  return { f: 'headers', block, decoded };
}
