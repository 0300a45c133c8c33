/** What lies at a key, for people, and for the messages of errors. */

import { DISTINCT } from './distinct.ts';
import { script } from './script.ts';

/** Answers the kind, the milliseconds left (-1: for good), the time, and what there is to see. */
export const SIGHT = script(
  DISTINCT,
  `
local found = kind()
local seen = {}
if found == 'value' then
  seen = redis.call('GET', key)
elseif found == 'rate' or found == 'window' then
  seen = redis.call('HGETALL', key)
elseif found == 'distinct' then
  seen = text(countOver(-tonumber(redis.call('ZSCORE', key, '#per') or '0')))
elseif found == 'lease' then
  seen = redis.call('ZRANGEBYSCORE', key, '(' .. text(now), '+inf', 'WITHSCORES')
end
return {'ok', found or '', text(redis.call('PTTL', key)), text(now), seen}
`,
);

/** Answers what the key holds. */
export const KIND = script("return {'ok', kind() or ''}");
