/** A configuration as the server uses it: checked, with defaults, numbers and absolute paths. */

import type { FilterOverrides } from './filter-overrides.ts';
import type { JsonObject } from './json.ts';
import type { Limits } from './limits.ts';

/** A place where MTAs, or Postfix's policy clients, connect. */
export interface ListenerConfig {
  /** As written, except that the path of a Unix socket is absolute. */
  readonly listen: string;
  /** Names of the filters that run here, in this order; absent: all of them. */
  readonly filters?: readonly string[];
  /** Permission bits of a Unix socket. */
  readonly mode?: number;
  readonly owner?: string | number;
  readonly group?: string | number;
}

/** A filter that is to be loaded. */
export interface FilterConfig {
  /** Unique among the filters. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly settings: JsonObject;
  /** Options set over the filter's own. */
  readonly overrides: FilterOverrides;
}

/** The stores: URLs that mean the same from every folder. They may hold passwords. */
export interface KvConfig {
  readonly default: string;
  /** Further ones by name. */
  readonly stores: Readonly<Record<string, string>>;
  /** Names of stores by the name of the group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

/** How filters ask the DNS. */
export interface DnsConfig {
  /** `'127.0.0.1'`, `'[::1]:5353'`; absent: those of the system. */
  readonly servers?: readonly string[];
  /** Of one try. */
  readonly timeoutMs: number;
  readonly tries: number;
}

export interface Config {
  /** The file that it came from, absolute; absent when it came from flags alone. */
  readonly file?: string;
  /** What relative paths are relative to: the folder of the file, or the working folder. */
  readonly folder: string;
  readonly milter: { readonly listeners: readonly ListenerConfig[] };
  /** In the order in which they run; at least one. */
  readonly filters: readonly FilterConfig[];
  /** Where login servers and policy clients ask. */
  readonly auth: { readonly policy: readonly ListenerConfig[] };
  readonly kv: KvConfig;
  readonly dns: DnsConfig;
  /** Worker processes, at least 1. */
  readonly workers: number;
  readonly limits: Limits;
}
