/** The connections to web servers, kept open between requests. */

import { type AgentOptions, Agent as HttpAgent, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { HostAddress } from '../hosts.ts';

/** A request whose connection goes to these addresses, whatever its name may lead to elsewhere. */
export interface CheckedOptions extends RequestOptions {
  readonly checked: string;
}

export function checkedOptions(addresses: readonly HostAddress[]): CheckedOptions {
  const lookup: LookupFunction = (_host, options, callback) => {
    if (options.all) callback(null, [...addresses]);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };
  return { lookup, checked: addresses.map(({ address }) => address).join() };
}

/**
 * An open connection is found by the addresses that it was checked against, too: one filter may
 * be allowed to reach an address by a name that leads another filter elsewhere, or nowhere.
 */
class CheckedHttpAgent extends HttpAgent {
  override getName(options?: RequestOptions): string {
    return `${super.getName(options)}:${(options as CheckedOptions | undefined)?.checked}`;
  }
}

class CheckedHttpsAgent extends HttpsAgent {
  override getName(options?: RequestOptions): string {
    return `${super.getName(options)}:${(options as CheckedOptions | undefined)?.checked}`;
  }
}

const KEPT: AgentOptions = {
  keepAlive: true,
  // Handlers that wait for a slow server must not hold up others; each has its own time limit.
  maxSockets: 1000,
  maxFreeSockets: 8,
  // Shorter than the 5 s after which common servers close: a request then finds an open connection.
  timeout: 4000,
};

/** For so long an address that stays silent holds up the next one. */
const ATTEMPT_MS = 1000;

export class Agents {
  readonly #kept = { 'http:': new CheckedHttpAgent(KEPT), 'https:': new CheckedHttpsAgent(KEPT) };
  readonly #single = { 'http:': new CheckedHttpAgent(), 'https:': new CheckedHttpsAgent() };

  /** `fresh`: on a connection of its own, which no server is about to close. */
  options(
    url: URL,
    addresses: readonly HostAddress[],
    { fresh }: { readonly fresh: boolean },
  ): CheckedOptions {
    const agents = fresh ? this.#single : this.#kept;
    return {
      ...checkedOptions(addresses),
      agent: url.protocol === 'https:' ? agents['https:'] : agents['http:'],
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
    } as CheckedOptions;
  }

  /** Ends all connections, those in use as well. */
  close(): void {
    for (const agents of [this.#kept, this.#single]) {
      agents['http:'].destroy();
      agents['https:'].destroy();
    }
  }
}
