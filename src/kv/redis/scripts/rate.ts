/**
 * A rate (see changes/rate.ts) as a hash:
 *
 *     kind rate   level 2.5   atMs 1700000000000   msPerOne 3000
 */

import { TOLERANCE } from '../../changes/rate.ts';
import { expecting, script } from './script.ts';

/** ARGV: burst, cost, msPerOne. */
export const RATE = script(
  expecting('rate'),
  `
local burst, cost, msPerOne = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local at, level = now, 0
if found then
  local before = redis.call('HMGET', key, 'level', 'atMs')
  local beforeMs = tonumber(before[2])
  at = math.max(now, beforeMs)
  level = math.max(0, tonumber(before[1]) - (at - beforeMs) / msPerOne)
end
local allowed = level + cost <= burst + ${TOLERANCE}
local after = allowed and level + cost or level
if allowed and cost ~= 0 then
  redis.call('HSET', key, 'kind', 'rate', 'level', text(after), 'atMs', text(at), 'msPerOne', text(msPerOne))
  keep(at + after * msPerOne)
end
local remaining = math.max(0, math.floor(burst - after + ${TOLERANCE}))
local retryAfterMs = allowed and 0 or (level + cost - burst) * msPerOne + (at - now)
return {'ok', allowed and 1 or 0, text(remaining), text(retryAfterMs)}
`,
);
