/** Changes of plain values that Redis has no command for: cas and incr (see changes/value.ts). */

import { expecting, script } from './script.ts';

/** ARGV: '1' and the expected value or '0' and nothing, the new value, its time to live or ''. */
export const CAS = script(
  expecting('value'),
  `
local present = redis.call('GET', key)
local wanted = ARGV[1] == '1' and ARGV[2]
if present ~= wanted then return {'ok', 0} end
redis.call('SET', key, ARGV[3])
if ARGV[4] ~= '' then keep(now + tonumber(ARGV[4])) end
return {'ok', 1}
`,
);

/**
 * ARGV: what to add, the time to live of a new key or ''. What is no number is given back,
 * so that changes/counter.ts can say what is wrong with it.
 */
export const INCR = script(
  expecting('value'),
  `
local most = 9007199254740991
local present = redis.call('GET', key)
if present and (#present > 17 or not (present == '0' or string.find(present, '^-?[1-9]%d*$'))) then
  return {'number', string.sub(present, 1, 18)}
end
local before = tonumber(present or '0')
local sum = before + tonumber(ARGV[1])
if math.abs(before) > most or math.abs(sum) > most then return {'number', present or '0'} end
if present then
  redis.call('SET', key, text(sum), 'KEEPTTL')
else
  redis.call('SET', key, text(sum))
  if ARGV[2] ~= '' then keep(now + tonumber(ARGV[2])) end
end
return {'ok', text(sum)}
`,
);
