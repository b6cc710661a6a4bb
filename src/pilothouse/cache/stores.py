"""What every store of cached bytes does, and the opening of the one that the configuration names.

A key begins with its tenant: `project\\nalias\\n...`, where no name holds a line break, so that a prefix purges a
project or one alias of it. Values are opaque. A store may forget anything at any time; it never fails a caller.
"""

from collections.abc import Container
from pathlib import Path
from typing import Protocol

import msgspec

from pilothouse.config import CacheConfig
from pilothouse.errors import ConfigError

__all__ = ["Store", "StoreStats", "open_cache_store", "prefix_of"]


class StoreStats(msgspec.Struct, frozen=True):
    """What a store holds now, and what happened to it since it was opened here. `errors` were answered as misses."""

    entries: int = 0
    bytes: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    errors: int = 0


class Store(Protocol):
    """Bytes by key, with an end and a bound. `persistent` says whether others, or the next process, see them too."""

    persistent: bool

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """Keep for `ttl` seconds, evicting what was used longest ago. A value beyond the whole bound is not kept."""
        ...

    async def delete(self, key: str) -> None: ...

    async def scan(self, prefix: str, known: Container[str]) -> list[tuple[str, bytes]]:
        """Keys and values under a prefix, without those whose keys are known already."""
        ...

    async def purge(self, prefix: str) -> int:
        """Forget what is under a prefix; everything for the empty one. How many entries that were. Raises StorageError
        where that cannot be done now."""
        ...

    async def stats(self) -> StoreStats: ...

    async def aclose(self) -> None: ...


def prefix_of(project_id: str, alias: str | None = None) -> str:
    """What the keys of a project, or of one of its aliases, begin with."""
    return f"{project_id}\n" if alias is None else f"{project_id}\n{alias}\n"


def open_cache_store(config: CacheConfig, home: Path, redis_url: str | None) -> Store:
    """The store that the configuration asks for. Raises ConfigError where Redis has no address, MissingExtra where its
    client is not installed."""
    if config.store == "sqlite":
        from pilothouse.cache.sqlite_store import SqliteStore  # noqa: PLC0415 - opens nothing where it is not used

        return SqliteStore(home / "cache.db", config.max_bytes)
    if config.store == "redis":
        from pilothouse.cache.redis_store import RedisStore  # noqa: PLC0415 - an extra

        if redis_url is None:
            raise ConfigError("cache.store is redis, but there is no Redis. Set PILOTHOUSE_REDIS_URL.", param="cache")
        return RedisStore(redis_url, config.max_bytes)
    from pilothouse.cache.memory_store import MemoryStore  # noqa: PLC0415 - beside its siblings

    return MemoryStore(config.max_bytes)
