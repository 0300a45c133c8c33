/**
 * What a `postern.config.ts` imports. This file is bundled into every configuration,
 * so it imports types only.
 */

import type { FilterMode, OnError } from './filter-overrides.ts';
import type { JsonObject } from './json.ts';
import type { LimitsInput } from './limits.ts';
import type { Duration, Size } from './units.ts';

/** A place to listen, with what belongs to it alone. */
export interface ListenerInput {
  /** `'inet:127.0.0.1:9900'`, `'inet6:[::1]:9900'`, `'unix:/run/postern/milter.sock'` ... */
  readonly listen: string;
  /** Names of the filters that run here, in this order; without it, all of them. */
  readonly filters?: readonly string[];
  /** Permissions of a Unix socket as an octal text: `'0660'`. */
  readonly mode?: string;
  /** Owner of a Unix socket: a name or a number. */
  readonly owner?: string | number;
  /** Group of a Unix socket: a name or a number. */
  readonly group?: string | number;
}

/** A filter with settings, or with options set over its own. */
export interface FilterInput {
  /** Its file, relative to the folder of the configuration. */
  readonly path: string;
  /** Its name in logs and for its keys; without it, the file's name without extension. */
  readonly name?: string;
  /** What the filter sees as `settings`: anything that JSON can carry. */
  readonly settings?: JsonObject;
  /** What a message gets when the filter fails. */
  readonly onError?: OnError;
  /** CPU time of one call into the filter, at most '1s'. */
  readonly cpu?: Duration;
  /** Time of one phase, waiting included. */
  readonly wall?: Duration;
  /** Memory of the filter, at least '8MB'. */
  readonly memory?: Size;
  /** `'observe'`: run it and log its verdicts, but change nothing. */
  readonly mode?: FilterMode;
  /** How much of the body the MTA is to send. */
  readonly body?: 'all' | 'none' | Size;
  /** Hosts that it may talk to: `'api.example.com'`, `'10.0.0.1:8080'`. */
  readonly http?: readonly string[];
}

/** A configuration as written in `postern.config.ts`. */
export interface ConfigInput {
  readonly milter?: {
    /** One or several places to listen; without it `'inet:127.0.0.1:9900'`. */
    readonly listen?: string | ListenerInput | readonly (string | ListenerInput)[];
  };
  /** The filters, in the order in which they run. */
  readonly filters?: readonly (string | FilterInput)[];
  readonly kv?: {
    /**
     * `'lmdb:./data'` (a folder, relative to the configuration's), `'memory:'`,
     * `'redis://host:6379/0'`, `'redis+sentinel://host1,host2/mymaster'`,
     * `'redis+cluster://host1,host2'`, `'redis+unix:///run/redis.sock'`, `'etcd://host:2379'`
     * or `'memcached://host:11211'`; `'rediss:...'` and `'etcds:...'` are with TLS.
     */
    readonly default?: string;
    /** Further stores, for `kv.store(name)`: `{ fleet: 'redis://127.0.0.1:6379/0' }`. */
    readonly stores?: Readonly<Record<string, string>>;
    /** Groups of stores, for `kv.group(name)`: `{ both: ['default', 'fleet'] }`. */
    readonly groups?: Readonly<Record<string, readonly string[]>>;
  };
  readonly auth?: {
    /** Postfix's policy delegation (`check_policy_service`), phase `access`. */
    readonly policy?: {
      /** One or several places to listen, such as `'inet:127.0.0.1:9902'`. */
      readonly listen: string | ListenerInput | readonly (string | ListenerInput)[];
    };
  };
  readonly dns?: {
    /** The DNS servers that filters ask: `'127.0.0.1'`, `'[::1]:5353'`; without it those of the system. */
    readonly servers?: readonly string[];
    /** How long to wait for one answer. Default '2s'. */
    readonly timeout?: Duration;
    /** How often to ask. Default 2. */
    readonly tries?: number;
  };
  /** Worker processes; `'auto'` (the default) is one for each processor. */
  readonly workers?: 'auto' | number;
  readonly limits?: LimitsInput;
}

/**
 * Gives a configuration its types:
 * `export default defineConfig({ filters: ['filters/greylist.ts'] });`
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
