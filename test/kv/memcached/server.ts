import type { MemcachedUrl } from '../../../src/kv/memcached/memcached.ts';

interface Listener {
  readonly port: number;
}

/** The URL of the servers. */
export function memcachedUrl(...servers: readonly Listener[]): MemcachedUrl {
  const hosts = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { scheme: 'memcached', hosts, tls: false };
}
