/** `net` of a filter: `net.canConnect`, to the hosts that its options allow. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { z } from 'zod';
import { abandoned } from './aborting.ts';
import { CapabilityFailure } from './failure.ts';
import {
  canonicalHost,
  type Destination,
  type HostAddress,
  type HostLookup,
  hostListOf,
  refusal,
  systemLookup,
} from './hosts.ts';
import { checkedOptions } from './http/agents.ts';

/** No filter waits longer for a connection. */
const MAX_WAIT_MS = 10_000;

const Arguments = z.tuple([z.string(), z.number().int().min(1).max(65_535), z.number().positive()]);

/** On whose behalf a connection is tried. */
export interface NetContext {
  readonly signal: AbortSignal;
  /** `options.http` of the filter. */
  readonly hosts: readonly string[];
}

export class NetCapability {
  readonly #lookUp: HostLookup;

  /** `lookup`: for tests; default: the system's. */
  constructor(options: { readonly lookup?: HostLookup } = {}) {
    this.#lookUp = options.lookup ?? systemLookup;
  }

  /**
   * `canConnect` with a host, a port and milliseconds (10 s at most): whether a TCP connection
   * opens in that time, the lookup of the name included. Throws ERR_NET_HOST, ERR_ARGUMENT,
   * ERR_ABORTED.
   */
  async perform(name: string, args: readonly unknown[], context: NetContext): Promise<boolean> {
    if (name !== 'canConnect') {
      throw new CapabilityFailure(
        'ERR_UNKNOWN_CAPABILITY',
        `net has no ${JSON.stringify(name.slice(0, 40))}`,
      );
    }
    const parsed = Arguments.safeParse(args);
    const host = parsed.success ? canonicalHost(parsed.data[0]) : undefined;
    if (!parsed.success || host === undefined) {
      throw new CapabilityFailure(
        'ERR_ARGUMENT',
        'net.canConnect: expected a host, a port and milliseconds',
      );
    }
    const [, port, ms] = parsed.data;
    return this.#canConnect({ host, port }, Math.min(ms, MAX_WAIT_MS), context);
  }

  async #canConnect(destination: Destination, ms: number, context: NetContext): Promise<boolean> {
    if (context.signal.aborted) throw abandoned();
    const ending = new AbortController();
    const end = () => ending.abort();
    context.signal.addEventListener('abort', end, { once: true });
    const timer = setTimeout(end, ms);
    try {
      const isOpen = await Promise.race([
        this.#findAndOpen(destination, ms, context.hosts, ending.signal),
        once(ending.signal, 'abort').then(() => false),
      ]);
      if (context.signal.aborted) throw abandoned();
      return isOpen;
    } finally {
      clearTimeout(timer);
      context.signal.removeEventListener('abort', end);
    }
  }

  async #findAndOpen(
    destination: Destination,
    ms: number,
    hosts: readonly string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const way = await hostListOf(hosts).findWay(destination, this.#lookUp);
    switch (way.kind) {
      case 'open':
        return signal.aborted ? false : opens(destination, way.addresses, ms, signal);
      case 'unlisted':
      case 'special':
        throw refusal('ERR_NET_HOST', 'net.canConnect', destination, way);
      case 'unknownHost':
        return false;
      default:
        return way satisfies never;
    }
  }
}

function opens(
  { host, port }: Destination,
  addresses: readonly HostAddress[],
  ms: number,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const { lookup } = checkedOptions(addresses);
    const socket = connect({
      host,
      port,
      lookup: lookup!,
      // Each address has its share of the time.
      autoSelectFamilyAttemptTimeout: Math.max(10, Math.ceil(ms / addresses.length)),
    });
    const finish = (isOpen: boolean) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(isOpen);
    };
    const onAbort = () => finish(false);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('connect', () => finish(true));
    socket.on('error', () => finish(false));
  });
}
