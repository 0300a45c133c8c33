/** `dns` as authors see it; the worker asks. */

import type { Dns, DnsListing, MxRecord } from './api-network.ts';
import { currentEvent } from './current.ts';
import { request } from './outbox.ts';

function ask(call: string, ...args: readonly string[]): Promise<unknown> {
  return request(currentEvent(), `dns.${call}`, args);
}

function checked(call: string, what: string, value: unknown): string {
  if (typeof value !== 'string')
    throw new TypeError(
      `dns.${call}: expected ${what}, got ${value === null ? 'null' : typeof value}`,
    );
  return value;
}

// Arguments are checked inside the promise: an author who awaits sees every mistake the same way.
export const dns: Dns = Object.freeze({
  async resolve4(name: string) {
    return (await ask('resolve4', checked('resolve4', 'a name', name))) as string[];
  },
  async resolve6(name: string) {
    return (await ask('resolve6', checked('resolve6', 'a name', name))) as string[];
  },
  async resolveMx(name: string) {
    return (await ask('resolveMx', checked('resolveMx', 'a name', name))) as MxRecord[];
  },
  async resolveTxt(name: string) {
    return (await ask('resolveTxt', checked('resolveTxt', 'a name', name))) as string[];
  },
  async resolvePtr(address: string) {
    const asked = checked('resolvePtr', 'an address or a name', address);
    return (await ask('resolvePtr', asked)) as string[];
  },
  async list(zone: string, address: string) {
    const args = [checked('list', 'a zone', zone), checked('list', 'an IP address', address)];
    return ((await ask('list', ...args)) as DnsListing | null) ?? undefined;
  },
});
