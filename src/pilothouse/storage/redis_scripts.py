"""What the counters do inside Redis, in Lua: each script runs as a whole, so what it reads is still so when it writes.

A bucket is a string "level at", in units times milliseconds and milliseconds (see memory_counters.py). Places are a
sorted set of holders by the time their lease ends. A fund is a hash: v, n, t (the ledger's version, nano-USD, tokens),
hn, ht (sums of what is held) and a field h:<hold> "nano tokens" for each; beside it a sorted set of holds by expiry.
All times are by Redis' own clock unless a caller brings one. Numbers are doubles, exact up to 2^53: 9 million USD.
"""

from pilothouse.storage.redis import Script

__all__ = ["APPLY", "HOLDS", "RESERVE", "STANDINGS", "TAKE"]

_CLOCK = """
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function whole(number) return string.format('%.0f', number) end
local now = clock(ARGV[1])
"""

_BUCKET = """
local function put(key, level, at, limit)
  local ttl = math.min(math.ceil(level / limit) + 60000, 1e12)
  redis.call('SET', key, whole(level) .. ' ' .. whole(at), 'PX', whole(ttl))
end
local function level_of(key, limit)
  local kept = redis.call('GET', key)
  if not kept then return 0, now end
  local level, at = string.match(kept, '^(%S+) (%S+)$')
  level, at = tonumber(level), tonumber(at)
  if at - now > 60000 then
    at = now
    put(key, level, at, limit)
  end
  return math.max(0, level - math.max(0, now - at) * limit), math.max(now, at)
end
"""

_FUND = """
local function add(key, nano, tokens)
  local held = redis.call('HMGET', key, 'hn', 'ht')
  redis.call('HSET', key, 'hn', whole((tonumber(held[1]) or 0) + nano), 'ht', whole((tonumber(held[2]) or 0) + tokens))
end
local function keep(key, ttl)
  ttl = math.min(math.max(ttl, 86400000), 1e12)
  for _, name in ipairs({key, key .. ':x'}) do
    if redis.call('PTTL', name) < ttl then redis.call('PEXPIRE', name, whole(ttl)) end
  end
end
local function drop(key, hold)
  local kept = redis.call('HGET', key, 'h:' .. hold)
  redis.call('ZREM', key .. ':x', hold)
  if not kept then return end
  local nano, tokens = string.match(kept, '^(%S+) (%S+)$')
  redis.call('HDEL', key, 'h:' .. hold)
  add(key, -nano, -tokens)
end
local function hold_it(key, hold, nano, tokens, ttl)
  drop(key, hold)
  redis.call('HSET', key, 'h:' .. hold, nano .. ' ' .. tokens)
  redis.call('ZADD', key .. ':x', whole(now + ttl), hold)
  add(key, nano, tokens)
  keep(key, tonumber(ttl))
end
local function expire(key)
  for _, hold in ipairs(redis.call('ZRANGEBYSCORE', key .. ':x', '-inf', whole(now))) do drop(key, hold) end
end
"""

TAKE = Script(
    _CLOCK
    + _BUCKET
    + """
-- KEYS: buckets and places. ARGV: now, lease, holder, then for each key: kind, limit, cost.
-- Answers in one string: index of the refused or -1, its wait (ms), then for each key: remaining, ms until it is whole.
local refused, longest, levels, ats = -1, -1, {}, {}
for i, key in ipairs(KEYS) do
  local kind, limit, cost, wait = ARGV[3 * i + 1], tonumber(ARGV[3 * i + 2]), tonumber(ARGV[3 * i + 3]), -1
  if kind == 'p' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now))
    levels[i] = redis.call('ZCARD', key)
    if cost > 0 and levels[i] >= limit and not redis.call('ZSCORE', key, ARGV[3]) then wait = 0 end
  else
    levels[i], ats[i] = level_of(key, limit)
    local over = levels[i] + (cost - limit) * 60000
    if cost > 0 and over > 0 then wait = math.ceil(over / limit) end
  end
  if wait > longest then refused, longest = i - 1, wait end
end
local answer = {whole(refused), whole(longest)}
for i, key in ipairs(KEYS) do
  local kind, limit, cost = ARGV[3 * i + 1], tonumber(ARGV[3 * i + 2]), tonumber(ARGV[3 * i + 3])
  local taken = refused < 0 and cost > 0
  if kind == 'p' then
    if taken then
      redis.call('ZADD', key, whole(now + ARGV[2]), ARGV[3])
      redis.call('PEXPIRE', key, ARGV[2])
      levels[i] = redis.call('ZCARD', key)
    end
    answer[#answer + 1] = whole(math.max(0, limit - levels[i]))
    answer[#answer + 1] = '0'
  else
    if taken then
      levels[i] = levels[i] + cost * 60000
      put(key, levels[i], ats[i], limit)
    end
    answer[#answer + 1] = whole(math.max(0, math.floor((limit * 60000 - levels[i]) / 60000)))
    answer[#answer + 1] = whole(math.ceil(levels[i] / limit))
  end
end
return table.concat(answer, ' ')
"""
)

RESERVE = Script(
    _CLOCK
    + _FUND
    + """
-- KEYS: funds. ARGV: now, hold, nano, tokens, ms until it expires, then for each fund: nano, tokens or ''.
-- Answers {index of the fund without room or -1, indexes of unknown funds}.
local hold, nano, tokens = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local unknown = {}
for i, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, 'v') == 0 then unknown[#unknown + 1] = i - 1 end
end
if #unknown > 0 then return {-1, unknown} end
local function over(limit, asked, settled, held, old)
  return limit ~= '' and asked > 0 and settled + (tonumber(held) or 0) - old + asked > tonumber(limit)
end
for i, key in ipairs(KEYS) do
  expire(key)
  local kept = redis.call('HMGET', key, 'n', 't', 'hn', 'ht', 'h:' .. hold)
  local old_nano, old_tokens = 0, 0
  if kept[5] then old_nano, old_tokens = string.match(kept[5], '^(%S+) (%S+)$') end
  if over(ARGV[2 * i + 4], nano, kept[1], kept[3], old_nano) or
     over(ARGV[2 * i + 5], tokens, kept[2], kept[4], old_tokens) then return {i - 1, {}} end
end
for _, key in ipairs(KEYS) do hold_it(key, hold, ARGV[3], ARGV[4], ARGV[5]) end
return {-1, {}}
"""
)

STANDINGS = Script(
    _CLOCK
    + _FUND
    + """
-- KEYS: funds. ARGV: now. Answers {nano, tokens, held nano, held tokens, version} or nil for each, as strings.
local answer = {}
for i, key in ipairs(KEYS) do
  answer[i] = false
  if redis.call('HEXISTS', key, 'v') == 1 then
    expire(key)
    local kept = redis.call('HMGET', key, 'n', 't', 'hn', 'ht', 'v')
    answer[i] = {kept[1], kept[2], kept[3] or '0', kept[4] or '0', kept[5]}
  end
end
return answer
"""
)

HOLDS = Script(
    """
-- KEYS: funds. Answers the names of what is held in each.
local answer = {}
for i, key in ipairs(KEYS) do answer[i] = redis.call('ZRANGE', key .. ':x', 0, -1) end
return answer
"""
)

APPLY = Script(
    _CLOCK
    + _BUCKET
    + _FUND
    + """
-- KEYS: the sender's last number, the epoch. ARGV: now, number of this batch, a new epoch, then operations.
-- A batch that came before is not applied again. Answers the epoch, which is another one once Redis lost its data.
redis.call('SET', KEYS[2], ARGV[3], 'NX')
local epoch = redis.call('GET', KEYS[2])
local last = redis.call('GET', KEYS[1])
if last and tonumber(last) >= tonumber(ARGV[2]) then return epoch end
redis.call('SET', KEYS[1], ARGV[2], 'PX', 86400000)
local operations = {
  adjust = {3, function(key, limit, cost)
    local level, at = level_of(key, tonumber(limit))
    put(key, math.max(0, level + cost * 60000), at, tonumber(limit))
  end},
  free = {2, function(key, holder) redis.call('ZREM', key, holder) end},
  renew = {3, function(key, holder, lease)
    redis.call('ZADD', key, whole(now + lease), holder)
    redis.call('PEXPIRE', key, lease)
  end},
  settle = {5, function(key, hold, nano, tokens, ttl)
    if redis.call('HEXISTS', key, 'h:' .. hold) == 1 then hold_it(key, hold, nano, tokens, ttl) end
  end},
  again = {5, function(key, hold, nano, tokens, ttl)
    if redis.call('HEXISTS', key, 'h:' .. hold) == 0 then hold_it(key, hold, nano, tokens, ttl) end
  end},
  drop = {2, drop},
  post = {4, function(key, nano, tokens, version)
    local last = redis.call('HGET', key, 'v')
    if not last or tonumber(version) >= tonumber(last) then
      redis.call('HSET', key, 'n', nano, 't', tokens, 'v', version)
    end
    keep(key, 0)
  end},
}
local i = 4
while ARGV[i] do
  local operation = operations[ARGV[i]]
  operation[2](unpack(ARGV, i + 1, i + operation[1]))
  i = i + operation[1] + 1
end
return epoch
"""
)
