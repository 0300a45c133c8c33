/**
 * A window (see changes/window.ts) as a hash, with a field for each slot, named by its beginning:
 *
 *     kind window   perMs 60000   1700000000000 3   1700000001000 1
 */

import { expecting, script } from './script.ts';

/**
 * Slots that count, the oldest first, and `old`, the names of the others.
 * A sum that would not be exact is answered as the two numbers that cannot be added.
 */
const SLOTS = `
local function slotsAt(perMs)
  local living, old = {}, {}
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local start = tonumber(fields[i])
    if start and start > now - perMs then
      living[#living + 1] = { start, tonumber(fields[i + 1]) }
    elseif start then
      old[#old + 1] = fields[i]
    end
  end
  table.sort(living, function(a, b) return a[1] < b[1] end)
  return living, old
end
local most = 9007199254740991
local function sumOf(slots)
  local sum = 0
  for _, slot in ipairs(slots) do
    if math.abs(sum + slot[2]) > most then return nil, { 'beyond', text(sum), text(slot[2]) } end
    sum = sum + slot[2]
  end
  return sum
end
`;

/** ARGV: what to add, perMs, milliseconds of a slot. */
export const WINDOW_ADD = script(
  expecting('window'),
  SLOTS,
  `
local n, perMs, size = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local slots, old = slotsAt(perMs)
local startMs = math.floor(now / size) * size
local slot = slots[#slots]
if slot and slot[1] >= startMs then
  if math.abs(slot[2] + n) > most then return {'beyond', text(slot[2]), text(n)} end
  slot[2] = slot[2] + n
else
  slot = { startMs, n }
  slots[#slots + 1] = slot
end
local sum, beyond = sumOf(slots)
if beyond then return beyond end
for _, field in ipairs(old) do redis.call('HDEL', key, field) end
redis.call('HSET', key, 'kind', 'window', 'perMs', text(perMs), text(slot[1]), text(slot[2]))
keep(slot[1] + perMs)
return {'ok', text(sum)}
`,
);

/** ARGV: perMs. */
export const WINDOW_SUM = script(
  expecting('window'),
  SLOTS,
  `
if not found then return {'ok', '0'} end
local sum, beyond = sumOf((slotsAt(tonumber(ARGV[1]))))
return beyond or {'ok', text(sum)}
`,
);
