/** From a URL to what ioredis is told. */

import type { ConnectionOptions } from 'node:tls';
import { type RedisOptions as ClientOptions, Cluster, type ClusterOptions, Redis } from 'ioredis';
import type { RedisUrl } from '../../config/kv-url.ts';

/** How long is waited for what. */
export interface RedisOptions {
  /** PEM of who signs the server's certificate; default: whom Node.js trusts. */
  readonly ca?: string;
  /** How long a call waits for a connection. Default 100. */
  readonly connectionWaitMs?: number;
  /** A server that says nothing for so long while an answer is due is given up. Default 2000. */
  readonly silenceMs?: number;
  /** Calls that may wait for answers at once. Default 10,000. */
  readonly maxPending?: number;
}

export type Client = Redis | Cluster;

const CONNECT_TIMEOUT_MS = 2000;
const SENTINEL_TIMEOUT_MS = 1000;
const LONGEST_PAUSE_MS = 1000;
const SLOTS_REFRESH_MS = 5000;

/** The pause before the next attempt to connect; `attempt` counts from 1. */
export function retryPause(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE_MS);
}

/** Makes the client; `pause` overrules how long it waits before it connects again. */
export function createClient(
  url: RedisUrl,
  { ca, silenceMs = 2000 }: RedisOptions,
  pause: (attempt: number) => number,
): Client {
  const tls: ConnectionOptions | undefined = url.tls
    ? { ...(ca !== undefined && { ca }) }
    : undefined;
  const common = {
    ...(tls && { tls }),
    ...(url.username !== undefined && { username: url.username }),
    ...(url.password !== undefined && { password: url.password }),
    db: url.db,
    // Nothing that is used here needs RESP3, and a server or proxy without it is no trouble.
    protocol: 2,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: 200,
    // Closes the connection, and so ends what waits for an answer on it.
    socketTimeout: silenceMs,
    commandTimeout: 2 * silenceMs,
    // What was asked is never asked again by itself: it might have happened.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // A server that loads its data says so to each call, which tells more than a wait.
    enableReadyCheck: false,
    disableClientInfo: true,
    // Until this has been answered nothing is sent: a server that is silent fails calls soon.
    connectionName: 'postern',
  } satisfies ClientOptions;
  // A master that has become a replica: behind the same name there is another by now.
  const reconnectOnError = (error: Error) => /(^|-)READONLY /.test(error.message);
  switch (url.mode) {
    case 'single': {
      const { host, port } = url.hosts[0];
      return new Redis({ ...common, host, port, retryStrategy: pause });
    }
    case 'unix':
      return new Redis({ ...common, path: url.path, retryStrategy: pause });
    case 'sentinel':
      return new Redis({
        ...common,
        sentinels: url.hosts.map(({ host, port }) => ({ host, port })),
        name: url.master,
        ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
        sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
        sentinelRetryStrategy: retryPause,
        // It sees whether a sentinel has sent us to a replica.
        enableReadyCheck: true,
        maxLoadingRetryTime: 500,
        retryStrategy: pause,
        reconnectOnError,
      });
    case 'cluster':
      return new Cluster(
        url.hosts.map(({ host, port }) => ({ host, port })),
        { ...CLUSTER, redisOptions: common },
      );
    default:
      return url satisfies never;
  }
}

const CLUSTER = {
  scaleReads: 'master',
  enableOfflineQueue: false,
  // A cluster that is down says so to each call.
  enableReadyCheck: false,
  clusterRetryStrategy: retryPause,
  slotsRefreshTimeout: SENTINEL_TIMEOUT_MS,
  slotsRefreshInterval: SLOTS_REFRESH_MS,
  // These would ask again what may have happened already.
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  // Certificates are for names, so names stay names.
  dnsLookup: (host, callback) => callback(null, host),
} satisfies ClusterOptions;
