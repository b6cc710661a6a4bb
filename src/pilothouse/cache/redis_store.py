"""Cached bytes in Redis, shared by all who use it. While Redis is away everything is a miss, and counted.

Beside the values it keeps three indexes: when each key was used (for eviction), the keys in order (for prefixes) and
their sizes. They change together with the values, in Lua. All keys share a hash tag, so a cluster keeps them together.
"""

import time
from collections.abc import Awaitable, Callable, Container
from typing import Any, TypeVar

from pilothouse.cache.stores import StoreStats
from pilothouse.errors import MissingExtra, StorageError

__all__ = ["RedisStore"]

T = TypeVar("T")

_TAG = "{pilothouse:cache}"
_INDEXES = [f"{_TAG}:used", f"{_TAG}:names", f"{_TAG}:sizes", f"{_TAG}:total"]
_TIMEOUT = 0.25  # seconds: an answer that takes longer is worth less than the call it saves
_PAUSE = 1.0  # seconds without a try after a failure, so that calls do not queue up behind a dead server
_PURGED = 1000  # keys per script: scripts hold up everybody else

_GET = """
local value = redis.call('GET', KEYS[5])
if value then redis.call('ZADD', KEYS[1], 'XX', ARGV[1], ARGV[2]) end
return value
"""
_FORGET = """
local function forget(name)
  redis.call('DEL', ARGV[1] .. name)
  redis.call('ZREM', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
  local size = redis.call('HGET', KEYS[3], name)
  if size then
    redis.call('HDEL', KEYS[3], name)
    redis.call('DECRBY', KEYS[4], size)
  end
end
"""
_PUT = f"""{_FORGET}
local name, now, size, most = ARGV[2], ARGV[3], #ARGV[4] + #ARGV[2], tonumber(ARGV[6])
forget(name)
if size > most then return 0 end
redis.call('SET', ARGV[1] .. name, ARGV[4], 'PX', ARGV[5])
redis.call('ZADD', KEYS[1], now, name)
redis.call('ZADD', KEYS[2], 0, name)
redis.call('HSET', KEYS[3], name, size)
redis.call('INCRBY', KEYS[4], size)
local evicted = 0
while tonumber(redis.call('GET', KEYS[4])) > most do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not oldest then break end
  forget(oldest)
  evicted = evicted + 1
end
return evicted
"""
_PURGE = f"""{_FORGET}
local names = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
for _, name in ipairs(names) do forget(name) end
return #names
"""


class RedisStore:
    """`max_bytes` bounds what this cache holds there, expired values included until they are evicted or replaced."""

    persistent = True

    def __init__(self, url: str, max_bytes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            from redis.asyncio import Redis  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            raise MissingExtra("The cache in Redis", "redis") from None
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        self._failures = (RedisError, OSError, TimeoutError)
        self._redis = Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        self._max_bytes = max_bytes
        self._clock = clock
        self._away_until = 0.0
        self._hits = self._misses = self._evictions = self._errors = 0
        self._get, self._put, self._purge = map(self._redis.register_script, (_GET, _PUT, _PURGE))

    async def get(self, key: str) -> bytes | None:
        keys = [*_INDEXES, f"{_TAG}{key}"]
        value: bytes | None = await self._ask(lambda: self._get(keys, [time.time(), key]), None)
        if value is None:
            self._misses += 1
        else:
            self._hits += 1
        return value

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        given: list[str | bytes | float] = [_TAG, key, time.time(), value, max(1, int(ttl * 1000)), self._max_bytes]
        self._evictions += await self._ask(lambda: self._put(_INDEXES, given), 0)

    async def delete(self, key: str) -> None:
        await self._ask(lambda: self._purge(_INDEXES, [_TAG, f"[{key}", f"[{key}", 1]), 0)

    async def scan(self, prefix: str, known: Container[str]) -> list[tuple[str, bytes]]:
        first, last = _range(prefix)
        names: list[bytes] = await self._ask(lambda: self._redis.zrangebylex(_INDEXES[1], first, last), [])
        keys = [key for key in (name.decode() for name in names) if key not in known]
        if not keys:
            return []
        values: list[bytes | None] = await self._ask(lambda: self._redis.mget([f"{_TAG}{key}" for key in keys]), [])
        return [(key, value) for key, value in zip(keys, values, strict=False) if value is not None]

    async def purge(self, prefix: str) -> int:
        count = 0
        while True:
            gone: int = await self._ask(lambda: self._purge(_INDEXES, [_TAG, *_range(prefix), _PURGED]), -1)
            if gone < 0:  # who asks to forget must not believe that it was done
                raise StorageError("Redis is away: not all was forgotten. Ask again once it is back.")
            count += gone
            if gone < _PURGED:
                return count

    async def stats(self) -> StoreStats:
        entries: int = await self._ask(lambda: self._redis.zcard(_INDEXES[1]), 0)
        size: bytes | None = await self._ask(lambda: self._redis.get(_INDEXES[3]), None)
        return StoreStats(entries, int(size or 0), self._hits, self._misses, self._evictions, self._errors)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _ask(self, ask: Callable[[], Any], otherwise: T) -> T:
        """What Redis says; `otherwise` while it cannot be asked."""
        if self._clock() < self._away_until:
            self._errors += 1
            return otherwise
        try:
            answer: Awaitable[T] = ask()
            return await answer
        except self._failures:
            self._errors += 1
            self._away_until = self._clock() + _PAUSE
            return otherwise


def _range(prefix: str) -> tuple[str, bytes]:
    """For ZRANGEBYLEX: every name that begins with the prefix; no UTF-8 text holds the byte 0xff."""
    return (f"[{prefix}", b"(" + prefix.encode() + b"\xff") if prefix else ("-", b"+")
