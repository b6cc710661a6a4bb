"""A purge at one process is one at each of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from pilothouse.access.audit import PURGE, Actor, Audit
from pilothouse.cache import Caches, Fragment
from pilothouse.cache.memory_store import MemoryStore
from pilothouse.ids import now_us
from pilothouse.lifecycle.purges import Purges
from pilothouse.storage import Store
from pilothouse.storage.changes import Changes


@asynccontextmanager
async def process(store: Store) -> AsyncIterator[tuple[MemoryStore, Changes]]:
    """What a process has of this: a cache in memory, and the changes of the database that it shares."""
    entries, changes = MemoryStore(1_000_000), Changes(store.control)
    purges = Purges(Audit(store.control), Caches(entries), changes)
    running = asyncio.create_task(purges.run())
    await purges.following.wait()
    for project, alias in (("default", "fast"), ("default", "slow"), ("other", "fast")):
        await entries.put(f"{project}\n{alias}\nkey", b"answer", 60.0)
    yield entries, changes
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    changes.close()


async def held(entries: MemoryStore) -> set[tuple[str, str]]:
    places = [("default", "fast"), ("default", "slow"), ("other", "fast")]
    return {place for place in places if await entries.get("\n".join((*place, "key"))) is not None}


async def until(changes: Changes, condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            changes.check()
            await asyncio.sleep(0.01)


async def test_what_is_purged_elsewhere_is_forgotten_here(store: Store) -> None:
    async with process(store) as (one, changes), process(store) as (other, others_changes):
        everything = await held(one)
        assert len(everything) == 3
        audit = Audit(store.control)

        def purge(alias: str) -> None:
            audit.note(Actor("ada", "api"), PURGE, f"cache:{alias}", project_id="default")

        async def gone(entries: MemoryStore, left: int) -> bool:
            return len(await held(entries)) == left

        await asyncio.to_thread(purge, "fast")
        await until(changes, lambda: gone(one, 2))
        await until(others_changes, lambda: gone(other, 2))
        assert await held(other) == everything - {("default", "fast")}
        await asyncio.to_thread(purge, "*")
        await until(changes, lambda: gone(one, 1))
        assert await held(one) == {("other", "fast")}


async def test_a_purge_on_a_host_whose_clock_is_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or here, where the clock was an hour ahead when the one before was followed."""
    async with process(store) as (one, changes):
        monkeypatch.setattr("pilothouse.access.audit.now_us", lambda: now_us() - 3_600_000_000)
        Audit(store.control).note(Actor("ada", "api"), PURGE, "cache:fast", project_id="default")

        async def gone() -> bool:
            return ("default", "fast") not in await held(one)

        await until(changes, gone)


async def test_a_purge_of_before_the_start_is_none_of_now(store: Store) -> None:
    audit = Audit(store.control)
    audit.note(Actor("ada", "api"), PURGE, "cache:*", project_id="default")
    async with process(store) as (one, changes):
        audit.note(Actor("ada", "api"), PURGE, "cache:slow", project_id="default")

        async def gone() -> bool:
            return ("default", "slow") not in await held(one)

        await until(changes, gone)
        assert ("default", "fast") in await held(one)


async def test_fragments_purged_elsewhere_are_forgotten_here(store: Store) -> None:
    async with process(store) as (entries, changes):
        caches, audit = Caches(entries), Audit(store.control)
        parts = [Fragment.of(*name) for name in (("default", "a"), ("default", "b"), ("other", "a"))]
        for part in parts:
            await caches.fragments.keep(part, b"1", 60.0)

        async def left() -> list[bool]:
            return [await caches.fragments.find(part) is not None for part in parts]

        for section, expected in (("a", [False, True, True]), ("*", [False, False, True])):
            await asyncio.to_thread(
                audit.note, Actor("ada", "api"), PURGE, f"fragments:{section}", project_id="default"
            )

            async def gone(expected: list[bool] = expected) -> bool:
                return await left() == expected

            await until(changes, gone)
        assert len(await held(entries)) == 3, "answers are no fragments"
