/** Lists of addresses kept in the DNS (DNSBL, DNSWL; RFC 5782). */

import { addressBytes, reversedLabels, unmapped } from '../address.ts';
import { CapabilityFailure } from '../failure.ts';
import { dnsName } from './name.ts';
import type { RecordSource } from './resolver.ts';
import { textOf } from './text.ts';

export interface Listing {
  readonly listed: true;
  /** What the list says about the address: `['127.0.0.2']`; what they mean is the list's own. */
  readonly addresses: readonly string[];
  /** The list's texts about it, often with a web page. */
  readonly reasons: readonly string[];
}

/**
 * What the list at `zone` says about an address; `null`: it is not listed. Throws ERR_DNS_LIST
 * when the list refuses to answer this resolver, ERR_ARGUMENT, and what the resolver throws.
 */
export async function lookUpList(
  source: RecordSource,
  zone: string,
  address: string,
  signal: AbortSignal,
): Promise<Listing | null> {
  const bytes = addressBytes(address);
  if (!bytes) {
    throw new CapabilityFailure(
      'ERR_ARGUMENT',
      `dns.list: expected an IP address, got ${JSON.stringify(address.slice(0, 80))}`,
    );
  }
  const name = `${reversedLabels(unmapped(bytes))}.${dnsName(zone)}`;
  const answer = await source.resolveRecords(name, 'A', signal);
  if (answer.kind !== 'records') return null;
  // A resolver that invents addresses for names that are not there says nothing about the list.
  const addresses = answer.records.filter((record) => record.startsWith('127.'));
  const refusal = addresses.find((record) => record.startsWith('127.255.255.'));
  if (refusal !== undefined) {
    throw new CapabilityFailure(
      'ERR_DNS_LIST',
      `dns.list: ${dnsName(zone)} refuses to answer this resolver (${refusal}); ask it with a resolver of your own instead of a public one, or with the key that the list gave you`,
    );
  }
  if (addresses.length === 0) return null;
  return { listed: true, addresses, reasons: await reasonsOf(source, name, signal) };
}

/** Without its reasons a listing is still a listing. */
async function reasonsOf(
  source: RecordSource,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const answer = await source.resolveRecords(name, 'TXT', signal);
    return answer.kind === 'records' ? answer.records.map(textOf) : [];
  } catch {
    return [];
  }
}
