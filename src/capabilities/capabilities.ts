/**
 * What filters may ask for, performed in the worker. Requests come out of a sandbox: their
 * arguments are checked here, whatever the guest library made of them before.
 */

import type { Stores } from '../kv/stores.ts';
import { AuthenticateCapability } from './authenticate/authenticate.ts';
import { DnsCapability } from './dns/dns.ts';
import { nodeStyleResolver } from './dns/node-style.ts';
import type { DnsOptions } from './dns/resolver.ts';
import { CapabilityFailure } from './failure.ts';
import { performHash } from './hash.ts';
import { HttpCapability, type HttpOptions } from './http/http.ts';
import { LeaseKeeper, type LeaseOwner } from './kv/leases.ts';
import { performKv } from './kv/perform.ts';
import type { CapabilityLog } from './log.ts';
import { type Counters, countFor } from './metrics.ts';
import { NetCapability } from './net.ts';
import { performSleep } from './sleep.ts';

/** On whose behalf a request is performed. */
export interface CapabilityContext {
  /** The filter's name. */
  readonly filter: string;
  /** The namespace of the filter's keys. */
  readonly namespace: string;
  /** Hosts that the filter may talk to. */
  readonly hosts: readonly string[];
  /** The session that asks; none in `init` and `exit`. */
  readonly session: LeaseOwner | undefined;
  /** The raw body of the session's message so far; none outside of a session. */
  readonly body: (() => Uint8Array) | undefined;
  /** Tells the MTA that the end of the message takes a while. */
  readonly progress: (() => void) | undefined;
  /** Aborted when the handler that asked is over. */
  readonly signal: AbortSignal;
}

export interface CapabilityOptions {
  readonly stores: Stores;
  readonly log: CapabilityLog;
  /** Where `metrics.count` counts. */
  readonly counters: Counters;
  readonly dns: DnsOptions;
  readonly http: HttpOptions;
  /** How long the checks of one message may take. */
  readonly authenticateMs: number;
}

export class Capabilities {
  readonly #stores: Stores;
  readonly #leases: LeaseKeeper;
  readonly #counters: Counters;
  readonly #dns: DnsCapability;
  readonly #http: HttpCapability;
  readonly #net: NetCapability;
  readonly #authenticate: AuthenticateCapability;

  constructor({ stores, log, counters, dns, http, authenticateMs }: CapabilityOptions) {
    this.#stores = stores;
    this.#leases = new LeaseKeeper(log);
    this.#counters = counters;
    this.#dns = new DnsCapability(dns);
    this.#http = new HttpCapability(http);
    this.#net = new NetCapability(http);
    this.#authenticate = new AuthenticateCapability({
      timeoutMs: authenticateMs,
      resolver: nodeStyleResolver(this.#dns.resolver),
    });
  }

  /** The answer: a JSON value or bytes. Rejects with {@link CapabilityFailure}, or an error that has a `code`. */
  async perform(
    operation: string,
    args: readonly unknown[],
    context: CapabilityContext,
  ): Promise<unknown> {
    const [, room = operation, name = ''] = /^([a-z]+)\.(.*)$/s.exec(operation) ?? [];
    switch (room) {
      case 'kv':
        return performKv(this.#stores, name, args, context.namespace, this.#leasesOf(context));
      case 'dns':
        return this.#dns.perform(name, args, context);
      case 'http':
        return this.#http.perform(name, args, context);
      case 'net':
        return this.#net.perform(name, args, context);
      case 'hash':
        return performHash(name, args);
      case 'metrics':
        return countFor(this.#counters, context.filter, name, args);
      case 'authenticate':
        return this.#authenticate.perform(args, context);
      case 'sleep':
        return performSleep(args, context.signal);
      case 'body':
        if (!context.body)
          throw new CapabilityFailure('ERR_NO_MESSAGE', 'body: there is no message here');
        return context.body();
      case 'progress':
        context.progress?.();
        return null;
      default:
        throw new CapabilityFailure(
          'ERR_UNKNOWN_CAPABILITY',
          `there is no capability ${JSON.stringify(operation.slice(0, 40))}`,
        );
    }
  }

  /** A session has closed: what it held is free. */
  endSession(id: string): void {
    this.#leases.end(id);
  }

  /** Nothing is performed any more: what sessions held is free. The stores are left open. */
  async close(): Promise<void> {
    await this.#leases.close();
    this.#http.close();
    this.#authenticate.close();
    this.#dns.close();
  }

  #leasesOf({ session, filter }: CapabilityContext) {
    // Outside of sessions a place is held by the process, for this filter.
    return this.#leases.port(session ?? { id: `init.${filter}`, isClosed: false });
  }
}
