/**
 * A distinct count (see changes/distinct.ts) as a sorted set: the hash of each member with the
 * time when it was seen last. What else is to be remembered has scores below zero, so that
 * members can be counted and aged by their scores alone:
 *
 *     #per -60000   #counted -1   #tracked -1   #since -1   #distinct -1   9f86d081884c7 1700000000000
 *
 * `#counted`, `#tracked` and `#since` are kept as -1 minus the number.
 */

import { FEW_MEMBERS, MAX_MEMBERS } from '../../changes/distinct.ts';
import { expecting, script } from './script.ts';

/** How members are counted; sight.ts counts like this, too. */
export const DISTINCT = `
local function remembered(name) return -1 - tonumber(redis.call('ZSCORE', key, name) or '-1') end
local function zeros(hash)
  local at = string.find(hash, '[^0]')
  if not at then return #hash * 4 end
  local digit = tonumber(string.sub(hash, at, at), 16)
  local first = digit >= 8 and 0 or digit >= 4 and 1 or digit >= 2 and 2 or 3
  return (at - 1) * 4 + first
end
local function seenAfter(ms) return ms < 0 and '0' or '(' .. text(ms) end
local function count(fromMs, counted, tracked)
  local kept = 0
  if counted == tracked then
    kept = redis.call('ZCOUNT', key, seenAfter(fromMs), '+inf')
  else
    for _, hash in ipairs(redis.call('ZRANGEBYSCORE', key, seenAfter(fromMs), '+inf')) do
      if zeros(hash) >= counted then kept = kept + 1 end
    end
  end
  return kept * 2 ^ counted
end
local function countOver(perMs)
  local tracked, counted = remembered('#tracked'), remembered('#counted')
  if now >= remembered('#since') + perMs then counted = tracked end
  return count(now - perMs, counted, tracked)
end
`;

/** ARGV: the member's hash, perMs. */
export const DISTINCT_ADD = script(
  expecting('distinct'),
  DISTINCT,
  `
local hash, perMs = ARGV[1], tonumber(ARGV[2])
local counted, tracked, since = remembered('#counted'), remembered('#tracked'), remembered('#since')
if now >= perMs then redis.call('ZREMRANGEBYSCORE', key, '0', text(now - perMs)) end
if now >= since + perMs then counted = tracked end
if zeros(hash) >= tracked then redis.call('ZADD', key, text(now), hash) end
local members = redis.call('ZCOUNT', key, '0', '+inf')
while members > ${MAX_MEMBERS} do
  tracked = tracked + 1
  counted = math.max(counted, tracked)
  for _, each in ipairs(redis.call('ZRANGEBYSCORE', key, '0', '+inf')) do
    if zeros(each) < tracked then redis.call('ZREM', key, each) end
  end
  members = redis.call('ZCOUNT', key, '0', '+inf')
end
if tracked > 0 and tracked == counted and members < ${FEW_MEMBERS} then
  tracked = tracked - 1
  since = now
end
redis.call('ZADD', key, '-1', '#distinct', text(-perMs), '#per', text(-1 - counted), '#counted',
  text(-1 - tracked), '#tracked', text(-1 - since), '#since')
keep(now + perMs)
return {'ok', text(count(-1, counted, tracked))}
`,
);

/** ARGV: perMs. */
export const DISTINCT_COUNT = script(
  expecting('distinct'),
  DISTINCT,
  `
if not found then return {'ok', '0'} end
return {'ok', text(countOver(tonumber(ARGV[1])))}
`,
);
