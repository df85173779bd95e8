"""Lua scripts, run atomically inside Redis (>= 6.2, no modules), and how they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from serving.adapters.redis_connection import Command, RedisLine
from serving.core.errors import StoreUnavailable

APPEND = """
-- KEYS: profile, event log (stream). ARGV: records, records at most, seconds to live (0 = for ever), 1 = the records
-- are in order of time, without repetition and not too many, so that they can be a profile as they are; the entry for
-- the event log ('' = none), entries at most. Of training history also, KEYS: what was erased (hash), ARGV: whom.
-- Adds the records whose first 8 bytes are not there, in order of time (offset 16, u32), and drops the oldest beyond
-- the maximum. A full profile takes nothing that is not newer than its oldest record: what was dropped stays out, so
-- repeating a write never changes anything. Returns how many records were added.
-- The entry is logged unless all its records are known. One without records is always logged: whether it is known is
-- found out where the log is moved to. Nothing is written while the log is full: nobody moves it.
local SIZE = 24
local key, incoming, room, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2]) * SIZE, tonumber(ARGV[3])
local entry = ARGV[5]
if entry ~= '' and redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[6]) then
  return redis.error_reply('LOGFULL the event log is full: is anybody moving it?')
end
if ARGV[7] then  -- of a history that was read before its user was erased
  local cut = redis.call('HGET', KEYS[3], ARGV[7])
  if cut then
    local later = {}
    for from = 1, #incoming, SIZE do
      if struct.unpack('<I4', incoming, from + 16) * 1000 > tonumber(cut) + tonumber(ARGV[8]) then
        later[#later + 1] = string.sub(incoming, from, from + SIZE - 1)
      end
    end
    incoming = table.concat(later)
    if incoming == '' then return 0 end
  end
end
if incoming == '' then
  redis.call('XADD', KEYS[2], '*', 'event', entry)
  return 1
end
local blob = redis.call('GET', key) or ''
if blob == incoming then return 0 end
if blob == '' and ARGV[4] == '1' then
  redis.call('SET', key, incoming)
  if ttl > 0 then redis.call('EXPIRE', key, ttl) end
  return #incoming / SIZE
end

local function known(event)
  local at = 1
  while true do
    at = string.find(blob, event, at, true)
    if not at then return false end
    if at % SIZE == 1 then return true end
    at = at + 1
  end
end

local function time_at(record)  -- of the record number `record` of the blob, from 0
  return (struct.unpack('<I4', blob, record * SIZE + 17))
end

local added, tail, rewrite, fresh = 0, {}, false, false
for from = 1, #incoming, SIZE do
  local record = string.sub(incoming, from, from + SIZE - 1)
  local time = (struct.unpack('<I4', record, 17))
  local count = #blob / SIZE
  local full = #blob >= room
  local new = not known(string.sub(record, 1, 8))
  fresh = fresh or new
  if new and not (full and time <= time_at(0)) then
    if count == 0 or time_at(count - 1) <= time then
      blob = blob .. record
      tail[#tail + 1] = record
    else
      local low, high = 0, count - 1
      while low < high do
        local middle = math.floor((low + high) / 2)
        if time_at(middle) <= time then low = middle + 1 else high = middle end
      end
      blob = string.sub(blob, 1, low * SIZE) .. record .. string.sub(blob, low * SIZE + 1)
      rewrite = true
    end
    if full then
      blob = string.sub(blob, SIZE + 1)
      rewrite = true
    end
    added = added + 1
  end
end
if fresh and entry ~= '' then redis.call('XADD', KEYS[2], '*', 'event', entry) end
if added == 0 then return 0 end
if rewrite then redis.call('SET', key, blob) else redis.call('APPEND', key, table.concat(tail)) end
if ttl > 0 then redis.call('EXPIRE', key, ttl) end
return added
"""

WRITE_ITEMS = """
-- KEYS: items (hash id -> "version:json"), log (stream), version (counter), history (stream). ARGV: log length, history
-- length, ids as JSON, then for every item: id, the version it must have now (0 = absent), its new JSON.
-- All or nothing: writes nothing and returns 0 when an item has another version, else returns the new version.
local before = {}
for at = 4, #ARGV, 3 do
  local now = redis.call('HGET', KEYS[1], ARGV[at])
  local version = now and string.match(now, '^%d+') or '0'
  if version ~= ARGV[at + 1] then return 0 end
  before[at] = now or ''
end
local version = redis.call('INCR', KEYS[3])
local name = string.format('%.0f', version)
for at = 4, #ARGV, 3 do
  redis.call('HSET', KEYS[1], ARGV[at], name .. ':' .. ARGV[at + 2])
  local entry = {KEYS[4], 'MAXLEN', '~', ARGV[2], name .. '-' .. string.format('%.0f', (at - 4) / 3),
    'id', ARGV[at], 'was', before[at]}
  local kept = redis.pcall('XADD', unpack(entry))
  if type(kept) == 'table' and kept.err then  -- the counter was lost and began again: so does the history
    redis.call('DEL', KEYS[4])
    redis.call('XADD', unpack(entry))
  end
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', 'version', name, 'ids', ARGV[3])
return version
"""

ADD_OUTCOMES = """
-- KEYS: decision (hash). ARGV: fields at most, seconds to live of a hash that is made here, then field, value, ...
-- Sets the fields that are not there, while there is room. Returns how many it set.
local added = 0
for at = 3, #ARGV, 2 do
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[1]) then break end
  added = added + redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1])
end
if redis.call('TTL', KEYS[1]) == -1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return added
"""

DROP_EVENTS = """
-- KEYS: event log (stream), who moves it. ARGV: group, who asks, seconds that he goes on to hold it, names of entries.
-- Takes them out of the group and the stream, all or nothing: 0 when somebody else moves it now. They are in the
-- archive, so that nobody holding it is no harm.
local held = redis.call('GET', KEYS[2])
if held and held ~= ARGV[2] then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 4))
redis.call('XDEL', KEYS[1], unpack(ARGV, 4))
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

ERASE_USER = """
-- KEYS: profile, event log (stream), the user's decisions, all decisions by time, orders (hash), this erasure, what was
-- erased (hash), how far the event log was cut. ARGV: erasure, subject, user id, visitor id, what keys of decisions
-- begin with, decisions at most.
-- Deletes the profile and the decisions, and orders the rest; returns the erasure. A known one changes nothing.
-- The cut is a moment such that all entries of the event log before it have smaller milliseconds, and none that come
-- later have: the stream is told to go on from there. Many erasures in a row share one.
local known = redis.call('GET', KEYS[6])
if known then return known end
local records = redis.call('STRLEN', KEYS[1]) / 24
redis.call('DEL', KEYS[1])  -- a script that has written may go on writing where memory is full
local time = redis.call('TIME')
local cut = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local info = redis.pcall('XINFO', 'STREAM', KEYS[2])
if not info.err then
  local last
  for at = 1, #info, 2 do if info[at] == 'last-generated-id' then last = info[at + 1] end end
  local ms = tonumber(string.match(last, '^%d+'))
  if last == redis.call('GET', KEYS[8]) and ms >= cut then
    cut = ms
  else
    if ms >= cut then cut = ms + 1 end
    local name = string.format('%.0f-0', cut)
    redis.call('XSETID', KEYS[2], name)
    redis.call('SET', KEYS[8], name)
  end
end
local decisions = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[3], 0, tonumber(ARGV[6]) - 1)) do
  decisions = decisions + redis.call('DEL', ARGV[5] .. name)
  redis.call('ZREM', KEYS[4], name)
  redis.call('ZREM', KEYS[3], name)
end
local ms = string.format('%.0f', cut)
redis.call('HSET', KEYS[7], ARGV[2], ms)
redis.call('HSET', KEYS[5], ARGV[1], cjson.encode({erasure_id = ARGV[1], subject = ARGV[2], user_id = ARGV[3],
  visitor_id = ARGV[4], cut_ms = ms, profile_records = records, decisions = decisions}))
local made = cjson.encode({erasure_id = ARGV[1], subject = ARGV[2], requested_ms = ms, profile_records = records,
  decisions = decisions})
redis.call('SET', KEYS[6], made)
return made
"""

HOLD_EVENTS = """
-- KEYS: event log (stream), who moves it. ARGV: who asks, seconds that he is to hold it, group.
-- Returns 0 when somebody else holds it, 1 when he has held it before, 2 when he has not. Makes the group if need be.
local held = redis.call('GET', KEYS[2])
if held and held ~= ARGV[1] then return 0 end
-- A script that has written may go on writing where memory is full: then the log must be drained all the same.
redis.call('XDEL', KEYS[1], '0-1')
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[3], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
return held and 1 or 2
"""


def digest(script: str) -> str:
    """The name under which Redis keeps a script."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def call(
    line: RedisLine,
    script: str,
    calls: Sequence[Command],
    timeout_s: float | None = None,
    after: Sequence[Command] = (),
) -> list[Any]:
    """Runs `script` once for every (number of keys, keys..., arguments...), then the commands `after`, over one
    connection; the replies in order.

    Loads it again where the server has forgotten it. Raises StoreUnavailable for any error reply (no memory, read
    only, ...): the calls before it may have been applied.
    """
    name = digest(script)
    commands = [*(("EVALSHA", name, *arguments) for arguments in calls), *after]
    replies = line.run(commands, timeout_s)
    if any(isinstance(reply, NoScriptError) for reply in replies):
        replies = line.run([("SCRIPT", "LOAD", script), *commands], timeout_s)[1:]
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(f"redis: {reply}")
    return replies
