"""The views in Redis: the one file that knows its commands.

A generation is a prefix that holds everything of one pass over the log. The offsets applied live in it, and change
with it in the same script, so a batch is applied once, whatever is repeated or lost on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import redis

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings import masked
from orderwing.views.batch import Batch, Place
from orderwing.views.facts import Fact, decode_fact
from orderwing.views.standing import Standing

RedisError = redis.RedisError
Client = redis.Redis
CURRENT = "orderwing:views"  # names the generation that is read
_SWEEP = 500  # keys of a former generation deleted at a time

# KEYS: offsets, dirty. ARGV: prefix, place, offset expected, offset after, orders, their ids, then the commands, each
# led by its length. Answers nothing when applied, else the offset that is. SHELF sets a shelf's levels and keeps the
# sums of its region: key, field, region, on hand, reserved, safety, offset.
_APPLY = """
local sums = {}
local function add(region, level, n)
  local place = region .. '|' .. level
  if n ~= 0 then sums[place] = (sums[place] or 0) + n end
end
local function shelf(key, field, region, on_hand, reserved, safety, offset)
  local old, held, spare = 0, 0, 0
  local before = redis.call('HGET', key, field)
  if before then old, held, spare = string.match(before, '^(-?%d+),(-?%d+),(-?%d+)') end
  add(region, 'on_hand', on_hand - old)
  add(region, 'reserved', reserved - held)
  add(region, 'safety', safety - spare)
  add(region, 'oversold', math.max(0, reserved - on_hand) - math.max(0, held - old))
  redis.call('HSET', key, field, on_hand .. ',' .. reserved .. ',' .. safety .. ',' .. offset)
end
local at = redis.call('HGET', KEYS[1], ARGV[2])
if at ~= ARGV[3] then return at or '-1' end
local orders = tonumber(ARGV[5])
if orders > 0 then redis.call('SADD', KEYS[2], unpack(ARGV, 6, 5 + orders)) end
local i = 6 + orders
while i <= #ARGV do
  local n = tonumber(ARGV[i])
  if ARGV[i + 1] == 'SHELF' then
    shelf(ARGV[1] .. ARGV[i + 2], unpack(ARGV, i + 3, i + n))
  else
    redis.call(ARGV[i + 1], ARGV[1] .. ARGV[i + 2], unpack(ARGV, i + 3, i + n))
  end
  i = i + n + 1
end
for place, n in pairs(sums) do redis.call('HINCRBY', ARGV[1] .. 'stock', place, string.format('%d', n)) end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
return false
"""
# KEYS: state, states, dirty, waits, backorders, promises, promises_late. ARGV: prefix, then for each order its id and
# standing. Answers the orders whose state is another now.
_SETTLE = """
local changed, settled, states = {}, {}, {}
for i = 2, #ARGV, 7 do
  local id, state, home, waiting = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local promise, late, stuck = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local old = redis.call('HGET', KEYS[1], id)
  if old ~= state then
    if old then
      states[old] = (states[old] or 0) - 1
      redis.call('ZREM', ARGV[1] .. 'due:' .. old, id)
    end
    states[state] = (states[state] or 0) + 1
    redis.call('HSET', KEYS[1], id, state)
    changed[#changed + 1] = id
  end
  if stuck ~= '0' then redis.call('ZADD', ARGV[1] .. 'due:' .. state, stuck, id) end
  if promise ~= '0' then
    redis.call('ZREM', late == '1' and KEYS[6] or KEYS[7], id)
    redis.call('ZADD', late == '1' and KEYS[7] or KEYS[6], promise, id)
  elseif old then
    redis.call('ZREM', KEYS[6], id)
    redis.call('ZREM', KEYS[7], id)
  end
  local before = redis.call('HGET', KEYS[4], id)
  local after = waiting ~= '0' and home .. '|' .. waiting
  if before ~= after then
    if before then
      local region, n = string.match(before, '^(.*)|(%d+)$')
      redis.call('HINCRBY', KEYS[5], region, '-' .. n)
      redis.call('HDEL', KEYS[4], id)
    end
    if after then
      redis.call('HINCRBY', KEYS[5], home, waiting)
      redis.call('HSET', KEYS[4], id, after)
    end
  end
  settled[#settled + 1] = id
end
redis.call('SREM', KEYS[3], unpack(settled))
for state, n in pairs(states) do redis.call('HINCRBY', KEYS[2], state, n) end
return changed
"""
# KEYS: of hashes. Answers all their values.
_VALUES = """
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('HVALS', key) end
return found
"""
_SETTLED = ("state", "states", "dirty", "waits", "backorders", "promises", "promises_late")


def connect(url: str) -> redis.Redis:
    """Raises OperatorError if no Redis answers."""
    client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=30)
    try:
        client.ping()
    except (redis.RedisError, OSError):
        client.close()
        raise OperatorError(f"No Redis answers at {masked(url)}: start it, or set ORDERWING_REDIS_URL.") from None
    return client


class ViewStore:
    """One generation. Raises what the client raises when Redis is away: the caller waits and asks where it stands."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self._apply = client.register_script(_APPLY)
        self._settle = client.register_script(_SETTLE)
        self._values = client.register_script(_VALUES)

    def key(self, name: str) -> str:
        return f"{self.prefix}:{name}"

    # --- Writing ---------------------------------------------------------------------------------------------------

    def begin(self, lows: Mapping[Place, int]) -> dict[Place, int]:
        """The next offset of every place, from now on remembered; `lows` where nothing is applied yet."""
        with self.client.pipeline() as pipe:
            for place, low in lows.items():
                pipe.hsetnx(self.key("offsets"), _name(place), str(low))
            pipe.hmget(self.key("offsets"), [_name(place) for place in lows])
            stored = pipe.execute()[-1]
        at = {place: int(offset) for place, offset in zip(lows, stored, strict=True)}
        if gone := {place: low for place, low in lows.items() if low > at[place]}:  # deleted by retention meanwhile
            self.client.hset(self.key("offsets"), mapping={_name(place): str(low) for place, low in gone.items()})
        return at | gone

    def apply(self, batches: Sequence[Batch]) -> bool:
        """Whether all were next in their turn; those that were not are left out whole."""
        with self.client.pipeline(transaction=False) as pipe:
            for batch in batches:
                arguments: list[str | int | bytes] = [f"{self.prefix}:", _name(batch.place), batch.start, batch.end]
                arguments += [len(batch.orders), *batch.orders]
                for command in batch.commands():
                    arguments += [len(command), *command]
                self._apply(keys=[self.key("offsets"), self.key("dirty")], args=arguments, client=pipe)
            return all(answer is None for answer in pipe.execute())

    def dirty(self) -> list[str]:
        return [order_id.decode() for order_id in cast(set[bytes], self.client.smembers(self.key("dirty")))]

    def facts_of(self, order_ids: Sequence[str]) -> list[list[Fact]]:
        answers = self._values(keys=[self.key(f"facts:{order_id}") for order_id in order_ids])
        return [[decode_fact(raw) for raw in found] for found in cast(list[list[bytes]], answers)]

    def settle(self, standings: Mapping[str, Standing]) -> list[str]:
        """Keep where the orders stand, and the sums over all; those whose state is another now."""
        if not standings:
            return []
        arguments: list[str | int] = [f"{self.prefix}:"]
        for order_id, now in standings.items():
            arguments += [order_id, now.state, now.home, now.waiting, now.promise_ms, int(now.late), now.stuck_ms]
        changed = self._settle(keys=[self.key(name) for name in _SETTLED], args=arguments)
        return [order_id.decode() for order_id in cast(list[bytes], changed)]

    def plans(self, parts: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """The plans that stand, by (order, part)."""
        with self.client.pipeline(transaction=False) as pipe:
            for order_id, part_id in parts:
                pipe.hget(self.key(f"details:{order_id}"), f"plan:{part_id}")
            return cast(list[bytes | None], pipe.execute())

    def tell(self, **facts: int) -> None:
        """What the worker says of itself, such as its lag."""
        self.client.hset(self.key("worker"), mapping={name: str(value) for name, value in facts.items()})

    # --- Reading ---------------------------------------------------------------------------------------------------

    def hash(self, name: str) -> dict[str, bytes]:
        found = cast(dict[bytes, bytes], self.client.hgetall(self.key(name)))
        return {field.decode(): value for field, value in found.items()}

    def counts(self, name: str) -> dict[str, int]:
        return {field: count for field, value in self.hash(name).items() if (count := int(value))}

    def fields(self, name: str, fields: Sequence[str]) -> list[bytes | None]:
        return cast(list[bytes | None], self.client.hmget(self.key(name), list(fields)))

    def size(self, name: str) -> int:
        return self.client.scard(self.key(name))

    def passed(self, names: Sequence[str], now_ms: int) -> list[tuple[int, int]]:
        """Of sets by time: how many lie before `now_ms`, and how many are in them."""
        with self.client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.zcount(self.key(name), "-inf", f"({now_ms}")
                pipe.zcard(self.key(name))
            found = cast(list[int], pipe.execute())
        return list(zip(found[::2], found[1::2], strict=True))

    def memory_bytes(self) -> int:
        """What Redis uses, for everything."""
        return int(self.client.info("memory")["used_memory"])


# --- Generations ---------------------------------------------------------------------------------------------------


def current_prefix(client: redis.Redis) -> str | None:
    found = cast(bytes | None, client.get(CURRENT))
    return None if found is None else found.decode()


def open_generation(client: redis.Redis, log: str) -> str:
    """The prefix of the generation that is read, for the log of that name; a first one if it is of another log."""
    prefix = current_prefix(client)
    if prefix is None or prefix.rpartition(":")[0] != f"orderwing:{log}":
        prefix = _next_prefix(client, log)
        client.set(CURRENT, prefix)
    return prefix


def new_generation(client: redis.Redis, log: str) -> str:
    """A prefix never used before, which nobody reads yet."""
    return _next_prefix(client, log)


def swap(client: redis.Redis, prefix: str) -> None:
    """Let `prefix` be read from now on, and delete the generation before it."""
    before = current_prefix(client)
    client.set(CURRENT, prefix)
    if before is not None and before != prefix:
        drop(client, before)


def retire(client: redis.Redis, prefix: str) -> None:
    """Delete again what was written to a generation while another took its place."""
    if current_prefix(client) != prefix:
        drop(client, prefix)


def drop(client: redis.Redis, prefix: str) -> None:
    keys: list[bytes] = []
    for key in client.scan_iter(match=f"{prefix}:*", count=_SWEEP):
        keys.append(key)
        if len(keys) >= _SWEEP:
            client.unlink(*keys)
            keys.clear()
    if keys:
        client.unlink(*keys)


def _next_prefix(client: redis.Redis, log: str) -> str:
    return f"orderwing:{log}:{client.incr(f'{CURRENT}:generations')}"


def _name(place: Place) -> str:
    return f"{place[0]}/{place[1]}"
