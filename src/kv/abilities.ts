/** What kinds of stores cannot do, or not well; known from their URLs, before anything is asked. */

import type { KvUrl } from '../config/kv-url.ts';

/** Why this call does not go with this kind of store, or what its author has to know. */
export type Objection =
  | { readonly kind: 'impossible'; readonly why: string }
  | { readonly kind: 'costly'; readonly why: string };

const COUNTING = ['incr', 'rate', 'window', 'distinct', 'lease', 'cas', 'add'];

export function objectionTo(call: string, scheme: KvUrl['scheme']): Objection | undefined {
  switch (scheme) {
    case 'memcached':
      if (call === 'scan')
        return {
          kind: 'impossible',
          why: 'memcached cannot list its keys; use lmdb, Redis or etcd',
        };
      if (call === 'lease')
        return {
          kind: 'costly',
          why: 'memcached forgets what it has no room for, and everything when it ends: places may be given out twice; use lmdb, Redis or etcd',
        };
      return undefined;
    case 'etcd':
      if (!COUNTING.includes(call)) return undefined;
      return {
        kind: 'costly',
        why: 'each change in etcd is agreed on by its whole cluster and written to disk, some hundred in a second at most; for counters at the rate of mail use lmdb or Redis',
      };
    case 'memory':
    case 'lmdb':
    case 'redis':
      return undefined;
    default:
      return scheme satisfies never;
  }
}
