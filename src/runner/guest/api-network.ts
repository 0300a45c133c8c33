/** The network and digests as authors see them; the values are in dns.ts, http.ts, net.ts and hash.ts. */

import type { Duration } from '../../config/units.ts';

export interface MxRecord {
  /** Without the trailing dot. `''` is the null MX: this domain takes no mail (RFC 7505). */
  readonly exchange: string;
  /** Lowest first. */
  readonly priority: number;
}

export interface DnsListing {
  readonly listed: true;
  /** What the list answered: `['127.0.0.2']`. What each means is on the list's web page. */
  readonly addresses: readonly string[];
  /** The list's texts about the address; fit for the text of a rejection. */
  readonly reasons: readonly string[];
}

/**
 * Questions to the DNS. Answers are kept for as long as their TTLs say. A name that does not
 * exist or has no such record gives an empty list. Each call fails with a
 * CapabilityError whose `code` is ERR_DNS_TIMEOUT (no server answered in time) or ERR_DNS_SERVER
 * (the servers failed, refused, or answered nonsense); both mean: unknown now, perhaps known later.
 */
export interface Dns {
  /** The IPv4 addresses of a name. */
  resolve4(name: string): Promise<string[]>;
  /** The IPv6 addresses of a name. */
  resolve6(name: string): Promise<string[]>;
  /** The mail servers of a domain, lowest priority first. */
  resolveMx(name: string): Promise<MxRecord[]>;
  /** The TXT records of a name, the strings of each joined. */
  resolveTxt(name: string): Promise<string[]>;
  /** The names of an IP address (or of a name below `in-addr.arpa` or `ip6.arpa`). */
  resolvePtr(address: string): Promise<string[]>;
  /**
   * What a DNS list such as `'zen.spamhaus.org'` says about an IP address; `undefined`: it is not
   * listed. ERR_DNS_LIST: the list refuses to answer this server's resolver.
   */
  list(zone: string, address: string): Promise<DnsListing | undefined>;
}

export interface HttpInit {
  /** Default `'GET'`. */
  readonly method?: string;
  /** By name, or pairs. Host, Connection, Content-Length and the like are the server's. */
  readonly headers?:
    | Readonly<Record<string, string>>
    | Iterable<readonly [name: string, value: string]>;
  /** Not with GET and HEAD. A text goes out as UTF-8. */
  readonly body?: string | Uint8Array;
  /** For everything together: milliseconds or `'2s'`; at most, and by default, what the configuration allows. */
  readonly timeout?: Duration;
  /** `'manual'`: a redirection is the answer. Default `'follow'`, to allowed hosts only. */
  readonly redirect?: 'follow' | 'manual';
}

/** The headers of an answer. Names are compared without case. */
export interface HttpHeaders extends Iterable<[name: string, value: string]> {
  /** All values of that name, joined with `, `; `null` when there is none. */
  get(name: string): string | null;
  has(name: string): boolean;
}

/** As of fetch. The body is there already, and can be read more than once. */
export interface HttpResponse {
  /** Whether the status is 200 to 299. */
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  /** After redirections. */
  readonly url: string;
  readonly headers: HttpHeaders;
  /** UTF-8 where it is valid UTF-8, else Latin-1. */
  text(): Promise<string>;
  /** Rejects with a SyntaxError when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: as of fetch; only the author knows the shape
  json(): Promise<any>;
  bytes(): Promise<Uint8Array>;
}

export interface Http {
  /**
   * Fetches a `http:` or `https:` URL from a host in `options.http`. Any status is an answer. Fails with a
   * CapabilityError whose `code` is ERR_HTTP_HOST (not allowed), ERR_HTTP_CONNECT, ERR_HTTP_TIMEOUT,
   * ERR_HTTP_SIZE, ERR_HTTP_REDIRECT (too many, or to nowhere) or ERR_HTTP_ANSWER (no HTTP).
   */
  fetch(url: string, init?: HttpInit): Promise<HttpResponse>;
}

export interface Net {
  /**
   * Whether a TCP connection to a host in `options.http` opens within a time: milliseconds or
   * `'2s'`, 10 s at most, default 5 s. ERR_NET_HOST: the host is not allowed.
   */
  canConnect(host: string, port: number, ms?: Duration): Promise<boolean>;
}

/** Digests in lower case hex. A text is taken as UTF-8. */
export interface Hash {
  sha256(value: string | Uint8Array): Promise<string>;
  /** For lists that are keyed by it; not for secrets. */
  sha1(value: string | Uint8Array): Promise<string>;
  /** For lists that are keyed by it; not for secrets. */
  md5(value: string | Uint8Array): Promise<string>;
}
