"""Every store keeps the contract: ends, bounds, prefixes, counts. Run over memory, SQLite and a real Redis."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pilothouse.cache.memory_store import MemoryStore
from pilothouse.cache.redis_store import RedisStore
from pilothouse.cache.sqlite_store import SqliteStore
from pilothouse.cache.stores import Store, open_cache_store, prefix_of
from pilothouse.config import CacheConfig
from pilothouse.errors import ConfigError, StorageError

ROOM = 100_000


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    config = CacheConfig(store=request.param, max_bytes=ROOM)
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    opened = open_cache_store(config, tmp_path, url)
    assert isinstance(opened, {"memory": MemoryStore, "sqlite": SqliteStore, "redis": RedisStore}[request.param])
    yield opened
    await opened.aclose()


async def test_what_was_put_is_had_until_deleted(store: Store) -> None:
    await store.put("p\na\n1", b"\x00one\xff", 60)
    await store.put("p\na\n1", b"\x00two\xff", 60)
    assert await store.get("p\na\n1") == b"\x00two\xff"
    await store.delete("p\na\n1")
    assert await store.get("p\na\n1") is None
    stats = await store.stats()
    assert (stats.entries, stats.bytes, stats.hits, stats.misses, stats.errors) == (0, 0, 1, 1, 0)


async def test_a_prefix_purges_a_tenant_and_no_other(store: Store) -> None:
    names = ["p\na*\n1", "p\na*\n2", "p\nab\n1", "p2\na*\n1", "é\na\n1"]
    for name in names:
        await store.put(name, b"x", 60)
    assert await store.purge(prefix_of("p", "a*")) == 2
    assert [await store.get(name) is not None for name in names] == [False, False, True, True, True]
    assert await store.purge(prefix_of("p")) == 1
    assert await store.purge(prefix_of("é")) == 1
    assert await store.purge("") == 1
    assert (await store.stats()).entries == 0


async def test_a_scan_gives_what_is_not_known(store: Store) -> None:
    for name in ("p\na\ns1", "p\na\ns2", "p\na\nx", "q\na\ns1"):
        await store.put(name, name.encode(), 60)
    found = await store.scan("p\na\ns", {"p\na\ns1"})
    assert found == [("p\na\ns2", b"p\na\ns2")]


async def test_the_bound_holds_and_what_was_used_stays(store: Store) -> None:
    await store.put("p\na\nkept", b"k" * 1000, 60)
    await store.stats()  # writes what waits
    for n in range(60):
        await store.put(f"p\na\n{n}", b"x" * 2000, 60)
        if n % 5 == 0:
            assert await store.get("p\na\nkept") is not None, n
            await store.stats()
    stats = await store.stats()
    assert stats.bytes <= ROOM
    assert stats.evictions > 0
    assert await store.get("p\na\n0") is None
    assert await store.get("p\na\n59") is not None


async def test_a_value_beyond_the_bound_is_not_kept(store: Store) -> None:
    await store.put("p\na\n1", b"small", 60)
    await store.put("p\na\n2", b"x" * (ROOM + 1), 60)
    await store.put("p\na\n1", b"x" * (ROOM + 1), 60)
    assert await store.get("p\na\n2") is None
    assert await store.get("p\na\n1") is None, "the older value is not what was put last"


async def test_entries_end(tmp_path: Path) -> None:
    times = [1_000_000]
    opened = [MemoryStore(ROOM, clock=lambda: times[-1]), SqliteStore(tmp_path / "c.db", ROOM, clock=lambda: times[-1])]
    for store in opened:
        times.append(1_000_000)
        await store.put("p\na\n1", b"x", 1.5)
        await store.stats()
        times.append(2_499_999)
        assert await store.get("p\na\n1") == b"x"
        assert len(await store.scan("p\n", ())) == 1
        times.append(2_500_000)
        assert await store.get("p\na\n1") is None
        assert await store.scan("p\n", ()) == []
        await store.aclose()


async def test_redis_entries_carry_their_end(redis_url: str) -> None:
    from redis.asyncio import Redis

    store = RedisStore(redis_url, ROOM)
    await store.put("p\na\n1", b"x", 90)
    client = Redis.from_url(redis_url)
    assert 80_000 < await client.pttl("{pilothouse:cache}p\na\n1") <= 90_000
    await client.aclose()
    await store.aclose()


async def test_redis_that_is_away_is_a_miss_and_comes_back(redis_url: str, tmp_path: Path) -> None:
    now = 0.0
    store = RedisStore(f"unix://{tmp_path}/nothing.sock", ROOM, clock=lambda: now)
    await store.put("p\na\n1", b"x", 60)
    assert await store.get("p\na\n1") is None
    assert await store.scan("p\n", ()) == []
    with pytest.raises(StorageError, match="not all was forgotten"):
        await store.purge("p\n")
    stats = await store.stats()
    assert stats.errors == 6
    assert stats.entries == 0
    (tmp_path / "nothing.sock").symlink_to(redis_url.removeprefix("unix://"))
    await store.put("p\na\n1", b"x", 60)
    assert await store.get("p\na\n1") is None, "not asked again at once"
    now = 1.5
    await store.put("p\na\n1", b"x", 60)
    assert await store.get("p\na\n1") == b"x"
    await store.aclose()


def test_redis_without_an_address_says_which_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PILOTHOUSE_REDIS_URL"):
        open_cache_store(CacheConfig(store="redis"), tmp_path, None)
