"""Parts of answers: kept by section, inputs, manifest and tenant; bounded; forgotten in time or when told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.cache import Caches, Fragment, FragmentCounts, Fragments, fragments, open_cache_store
from pilothouse.cache.memory_store import MemoryStore
from pilothouse.config import CacheConfig

PART = Fragment.of("p", "greeting", {"a": 1, "b": 2}, {"prompt": "v1"})


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def parts(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Fragments]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    store = open_cache_store(CacheConfig(store=request.param), tmp_path, url)
    yield Fragments(store, largest=100)
    await store.aclose()


async def test_a_part_is_had_by_what_it_was_made_from(parts: Fragments) -> None:
    assert await parts.find(PART) is None
    assert await parts.keep(PART, b'{"text":"hello"}', 60)
    found = await parts.find(Fragment.of("p", "greeting", {"b": 2, "a": 1}, {"prompt": "v1"}))
    assert found is not None
    assert found.value == b'{"text":"hello"}'
    others: list[tuple[Any, ...]] = [
        ("q", "greeting", {"a": 1, "b": 2}, {"prompt": "v1"}), ("p", "greetings", {"a": 1, "b": 2}, {"prompt": "v1"}),
        ("p", "greeting", {"a": 1, "b": "2"}, {"prompt": "v1"}), ("p", "greeting", {"a": 1, "b": 2}, {"prompt": "v2"}),
        ("p", "greeting", {"a": 1, "b": 2}),
    ]  # fmt: skip
    for other in others:
        assert await parts.find(Fragment.of(*other)) is None, other


async def test_sections_and_projects_are_forgotten_and_no_others(parts: Fragments) -> None:
    kept = [Fragment.of(*name) for name in (("p", "a", 1), ("p", "a", 2), ("p", "ab", 1), ("p", "b", 1), ("q", "a", 1))]
    for part in kept:
        await parts.keep(part, b"1", 60)
    await parts.entries.put("p\nfast\nx", b"an answer", 60)
    assert await parts.purge("p", "a") == 2
    assert [await parts.find(part) is not None for part in kept] == [False, False, True, True, True]
    assert await parts.purge("p") == 2
    assert await parts.find(kept[-1]) is not None
    assert await parts.entries.get("p\nfast\nx") is not None


async def test_a_part_ends_and_may_be_too_old_before(parts: Fragments) -> None:
    times = [50_000_000]
    timed = Fragments(MemoryStore(10**6, clock=lambda: times[-1]), largest=100, clock=lambda: times[-1])
    await timed.keep(PART, b"1", 10)
    times.append(59_999_999)
    assert await timed.find(PART, max_age=10) is not None
    assert await timed.find(PART, max_age=9) is None
    times.append(60_000_000)
    assert await timed.find(PART) is None


async def test_what_is_too_large_is_not_kept(parts: Fragments) -> None:
    assert await parts.keep(PART, b"x" * 100, 60)
    assert not await parts.keep(PART, b"x" * 101, 60)


async def test_look_ups_are_counted_by_section_and_bounded(parts: Fragments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "_COUNTED", 3)
    await parts.find(PART)
    await parts.keep(PART, b"1", 60)
    for _ in range(2):
        await parts.find(PART)
    assert parts.counts("p") == parts.counts() == [FragmentCounts("p", "greeting", 3, 2, 1)]
    for section in "abcd":
        await parts.find(Fragment.of("q", section))
    assert [counts.section for counts in parts.counts()] == ["b", "c", "d"]
    assert parts.counts("p") == []


async def test_a_project_is_forgotten_with_its_parts_and_they_move_with_the_store() -> None:
    first, second = MemoryStore(10**6), MemoryStore(10**6)
    caches = Caches(first)
    await caches.fragments.keep(PART, b"1", 60)
    assert caches.move_to(second) is first
    assert await caches.fragments.find(PART) is None
    await caches.fragments.keep(PART, b"1", 60)
    assert (await second.stats()).entries == 1
    assert await caches.purge("p", "greeting") == 0
    assert await caches.purge("p") == 1
