/**
 * Leases (see changes/lease.ts) as a sorted set: each holder with the time when its place is
 * free again, and `#lease`, which no holder can be called, with -1.
 */

import { expecting, script } from './script.ts';

const LEASE = `
local function age() redis.call('ZREMRANGEBYSCORE', key, '0', text(now)) end
local function holders() return redis.call('ZCOUNT', key, '0', '+inf') end
local function keepAll() keep(tonumber(redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2])) end
`;

/** ARGV: the holder, how many places, the time to live. */
export const LEASE_ACQUIRE = script(
  expecting('lease'),
  LEASE,
  `
age()
local holds = redis.call('ZSCORE', key, ARGV[1])
if not holds and holders() >= tonumber(ARGV[2]) then return {'ok', 0, holders()} end
redis.call('ZADD', key, '-1', '#lease', text(expiry(now + tonumber(ARGV[3]))), ARGV[1])
keepAll()
return {'ok', 1, holders()}
`,
);

/** ARGV: the holder, the time to live. */
export const LEASE_RENEW = script(
  expecting('lease'),
  LEASE,
  `
age()
if not redis.call('ZSCORE', key, ARGV[1]) then return {'ok', 0} end
redis.call('ZADD', key, text(expiry(now + tonumber(ARGV[2]))), ARGV[1])
keepAll()
return {'ok', 1}
`,
);

/** ARGV: the holder. */
export const LEASE_RELEASE = script(
  expecting('lease'),
  LEASE,
  `
age()
if redis.call('ZREM', key, ARGV[1]) == 0 then return {'ok', 0} end
if holders() == 0 then redis.call('DEL', key) else keepAll() end
return {'ok', 1}
`,
);
