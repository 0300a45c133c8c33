/** Scripts that run inside Redis, where an operation is atomic and the clock is the server's. */

import { createHash } from 'node:crypto';

/** A script about one key; its arguments are texts or bytes. */
export interface Script {
  readonly lua: string;
  readonly sha1: string;
}

/**
 * What all scripts begin with. The names:
 *
 * - `now`: the server's clock in milliseconds, whole as `Date.now` is
 * - `text(n)`: a number as text that gives the same number again
 * - `kind()`: what the key holds; another program's list or stream has Redis's name for it
 * - `keep(untilMs)`: when the key expires (MAX_EXPIRY_MS of entry.ts at most)
 *
 * Every script answers a list, whose first element says what kind of answer it is (reply.ts).
 */
const PRELUDE = `
local key = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(n) return string.format('%.17g', n) end
local function kind()
  local found = redis.call('TYPE', key).ok
  if found == 'none' then return nil end
  if found == 'string' then return 'value' end
  if found == 'hash' then return redis.call('HGET', key, 'kind') or 'Redis hash' end
  if found == 'zset' then
    if redis.call('ZSCORE', key, '#distinct') then return 'distinct' end
    if redis.call('ZSCORE', key, '#lease') then return 'lease' end
  end
  return 'Redis ' .. found
end
local function expiry(untilMs) return math.min(math.ceil(untilMs), 281474976710655) end
local function keep(untilMs) redis.call('PEXPIREAT', key, string.format('%.0f', expiry(untilMs))) end
`;

/** A script; `parts` are Lua, the shared ones first. */
export function script(...parts: readonly string[]): Script {
  const lua = [PRELUDE, ...parts].join('\n');
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** Begins a script whose key must be absent or of this kind; `found` is what it holds. */
export function expecting(kind: string): string {
  return `
local found = kind()
if found and found ~= '${kind}' then return {'type', found} end
`;
}
