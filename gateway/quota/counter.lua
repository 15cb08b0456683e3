-- Takes from the counts of one request, all of them or none, by the clock of Redis. counter-model.ts says the same in TypeScript.
-- KEYS: one count per limit. ARGV per limit: limit, period in ms, needed, wanted (a lease; at least needed).
-- A count lives from its first request until its period is over. Limit -1: never refuses (shadow).
-- Answers 1 or 0, then per limit: taken, what is left, milliseconds until the count begins anew.
local answer = { 1 }
local used, ttl = {}, {}
for i = 1, #KEYS do
  local limit, needed = tonumber(ARGV[i * 4 - 3]), tonumber(ARGV[i * 4 - 1])
  used[i] = tonumber(redis.call('get', KEYS[i]) or '0')
  ttl[i] = redis.call('pttl', KEYS[i])
  if limit >= 0 and used[i] + needed > limit then answer[1] = 0 end
end
for i = 1, #KEYS do
  local limit, period = tonumber(ARGV[i * 4 - 3]), tonumber(ARGV[i * 4 - 2])
  local taken = 0
  if answer[1] == 1 then
    taken = tonumber(ARGV[i * 4])
    if limit >= 0 then taken = math.min(taken, limit - used[i]) end
    used[i] = redis.call('incrby', KEYS[i], taken)
    if ttl[i] < 0 then
      redis.call('pexpire', KEYS[i], period)
      ttl[i] = period
    end
  end
  if ttl[i] < 0 then ttl[i] = period end
  answer[#answer + 1] = taken
  answer[#answer + 1] = math.max(limit - used[i], 0)
  answer[#answer + 1] = ttl[i]
end
return answer
