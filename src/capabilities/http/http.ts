/** `http` of a filter: `http.fetch`, to the hosts that its options allow. */

import type { IncomingMessage } from 'node:http';
import { abandoned, unlessAborted } from '../aborting.ts';
import { CapabilityFailure } from '../failure.ts';
import {
  canonicalHost,
  type HostAddress,
  type HostList,
  type HostLookup,
  hostListOf,
  refusal,
  systemLookup,
} from '../hosts.ts';
import { Agents } from './agents.ts';
import { BodyTooLarge, readBody } from './body.ts';
import { fetchFailure, misdirected, tooLarge, tooLate, unreachable } from './errors.ts';
import { exchange } from './exchange.ts';
import { isRedirection, redirected } from './redirect.ts';
import { type FetchRequest, type OutgoingRequest, readRequest } from './request.ts';

export interface HttpOptions {
  /** The most bytes of an answer's body, unpacked. */
  readonly bytes: number;
  /** The most time for a whole request, redirections and body included. */
  readonly timeoutMs: number;
  /** Redirections followed at most. */
  readonly redirects: number;
  /** For tests; default: the system's. */
  readonly lookup?: HostLookup;
}

/** On whose behalf a request is made. */
export interface HttpContext {
  readonly signal: AbortSignal;
  /** `options.http` of the filter. */
  readonly hosts: readonly string[];
}

/** An answer as it crosses to the filter. */
export interface CarriedAnswer {
  readonly status: number;
  readonly statusText: string;
  /** After redirections. */
  readonly url: string;
  /** In their order, names as they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes as latin1. */
  readonly body: string;
}

export class HttpCapability {
  readonly #options: HttpOptions;
  readonly #agents = new Agents();

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /**
   * `fetch` with a URL and an init. Throws ERR_HTTP_HOST, ERR_HTTP_CONNECT, ERR_HTTP_TIMEOUT,
   * ERR_HTTP_SIZE, ERR_HTTP_REDIRECT, ERR_HTTP_ANSWER, ERR_ARGUMENT, ERR_ABORTED. An answer with
   * a status such as 500 is an answer.
   */
  async perform(
    name: string,
    args: readonly unknown[],
    context: HttpContext,
  ): Promise<CarriedAnswer> {
    if (name !== 'fetch') {
      throw new CapabilityFailure(
        'ERR_UNKNOWN_CAPABILITY',
        `http has no ${JSON.stringify(name.slice(0, 40))}`,
      );
    }
    const request = readRequest(args, this.#options.timeoutMs);
    const hosts = hostListOf(context.hosts);
    const ending = new AbortController();
    const onAbort = () => ending.abort(abandoned());
    const onLate = () => ending.abort(tooLate(request.url, request.timeoutMs));
    if (context.signal.aborted) throw abandoned();
    context.signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(onLate, request.timeoutMs);
    try {
      return await this.#follow(request, hosts, ending.signal);
    } catch (error) {
      throw ending.signal.aborted ? ending.signal.reason : error;
    } finally {
      clearTimeout(timer);
      context.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends all connections; what is under way fails with ERR_HTTP_CONNECT. */
  close(): void {
    this.#agents.close();
  }

  async #follow(asked: FetchRequest, hosts: HostList, signal: AbortSignal): Promise<CarriedAnswer> {
    let request: OutgoingRequest = asked;
    for (let redirections = 0; ; redirections += 1) {
      const addresses = await this.#findWay(request.url, hosts, signal);
      const answer = await this.#send(request, addresses, signal);
      const status = answer.statusCode ?? 0;
      const { location } = answer.headers;
      if (asked.redirect === 'manual' || !isRedirection(status) || location === undefined)
        return this.#carry(request, answer);
      // Nobody wants its body, which may have no end.
      answer.destroy();
      if (redirections >= this.#options.redirects)
        throw misdirected(asked.url, `more than ${this.#options.redirects} times`);
      const next = redirected(request, status, location);
      if (!next) throw misdirected(request.url, 'to what is no URL for a filter');
      request = next;
    }
  }

  async #findWay(url: URL, hosts: HostList, signal: AbortSignal): Promise<readonly HostAddress[]> {
    const host = canonicalHost(url.hostname);
    if (host === undefined) throw unreachable(url, 'it has no host');
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    const destination = { host, port };
    const lookUp = this.#options.lookup ?? systemLookup;
    const way = await unlessAborted(hosts.findWay(destination, lookUp), signal);
    switch (way.kind) {
      case 'open':
        return way.addresses;
      case 'unlisted':
      case 'special':
        throw refusal('ERR_HTTP_HOST', 'http.fetch', destination, way);
      case 'unknownHost':
        throw unreachable(url, way.why);
      default:
        return way satisfies never;
    }
  }

  async #send(
    request: OutgoingRequest,
    addresses: readonly HostAddress[],
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    try {
      return await exchange(request, addresses, this.#agents, signal);
    } catch (error) {
      throw fetchFailure(request.url, error);
    }
  }

  async #carry(request: OutgoingRequest, answer: IncomingMessage): Promise<CarriedAnswer> {
    const { url, method } = request;
    let body: Buffer;
    try {
      body = await readBody(answer, method, this.#options.bytes);
    } catch (error) {
      answer.destroy();
      throw error instanceof BodyTooLarge
        ? tooLarge(url, this.#options.bytes)
        : fetchFailure(url, error);
    }
    const { rawHeaders } = answer;
    const headers: [string, string][] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2)
      headers.push([rawHeaders[at]!, rawHeaders[at + 1]!]);
    return {
      status: answer.statusCode ?? 0,
      statusText: answer.statusMessage ?? '',
      url: url.href,
      headers,
      body: body.toString('latin1'),
    };
  }
}
