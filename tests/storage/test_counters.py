"""The contract of the counters, over each backend: one clock of the test's own, moved by hand."""

from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.settings import Settings
from pilothouse.storage.counters import Counters, Fund, Standing, Take, open_counters
from pilothouse.storage.memory_counters import SETTLED_US, MemoryCounters
from pilothouse.storage.redis_counters import RedisCounters

from .conftest import Clock

SECOND = 1_000_000


@pytest.fixture(params=["memory", "redis"])
async def counters(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Counters]:
    made: Counters
    if request.param == "memory":
        made = MemoryCounters(clock)
    else:
        made = RedisCounters(request.getfixturevalue("redis_url"), lease=3600, clock=clock)
    yield made
    await made.aclose()


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")


async def test_a_limit_is_a_burst_that_comes_back_bit_by_bit(counters: Counters, clock: Clock) -> None:
    take = [Take("a", 3)]
    for left in (2, 1, 0):
        verdict = await counters.take("call", take, clock())
        assert (verdict.refused, list(verdict.remaining)) == (None, [left])
    refused = await counters.take("call", take, clock())
    assert (refused.refused, list(refused.remaining), refused.retry_after) == (0, [0], 20.0)
    assert list(refused.reset) == [60.0]
    clock.forward(19.999)
    assert (await counters.take("call", take, clock())).refused == 0
    clock.forward(0.001)
    assert (await counters.take("call", take, clock())).refused is None
    assert (await counters.take("call", take, clock())).refused == 0


async def test_a_clock_that_is_set_back_stops_nobody_for_long(counters: Counters, clock: Clock) -> None:
    take = [Take("a", 3)]
    for _ in range(4):
        await counters.take("call", take, clock())
    clock.forward(-3600)
    assert (await counters.take("call", take, clock())).refused == 0
    clock.forward(20)
    assert (await counters.take("call", take, clock())).refused is None
    assert (await counters.take("call", take, clock())).refused == 0, "and nothing is given away"


async def test_all_are_taken_or_none(counters: Counters, clock: Clock) -> None:
    wide, narrow, place = Take("wide", 100, 10), Take("narrow", 1), Take("place", 5, parallel=True)
    assert (await counters.take("one", [wide, narrow, place], clock())).refused is None
    refused = await counters.take("two", [wide, narrow, place], clock())
    assert refused.refused == 1
    assert list(refused.remaining) == [90, 0, 4]
    assert list((await counters.take("three", [wide, place], clock())).remaining) == [80, 3]


async def test_of_several_without_room_the_longest_wait_is_told(counters: Counters, clock: Clock) -> None:
    takes = [Take("place", 1, parallel=True), Take("slow", 1), Take("fast", 60, 60)]
    await counters.take("one", takes, clock())
    clock.forward(30)
    refused = await counters.take("two", takes, clock())
    assert (refused.refused, refused.retry_after) == (1, 30.0)
    clock.forward(30)
    refused = await counters.take("two", takes, clock())
    assert (refused.refused, refused.retry_after) == (0, None)


async def test_places_count_holders(counters: Counters, clock: Clock) -> None:
    place = [Take("place", 2, parallel=True)]
    assert list((await counters.take("one", place, clock())).remaining) == [1]
    assert list((await counters.take("one", place, clock())).remaining) == [1]
    assert list((await counters.take("two", place, clock())).remaining) == [0]
    assert (await counters.take("three", place, clock())).refused == 0
    counters.adjust("nobody", place, clock())
    assert (await counters.take("three", place, clock())).refused == 0
    counters.adjust("one", place, clock())
    assert (await counters.take("three", place, clock())).refused is None


async def test_a_cost_of_nothing_only_looks(counters: Counters, clock: Clock) -> None:
    await counters.take("one", [Take("a", 2, 2), Take("p", 1, parallel=True)], clock())
    look = [Take("a", 2, 0), Take("p", 1, 0, parallel=True), Take("other", 7, 0)]
    for _ in range(2):
        verdict = await counters.take("two", look, clock())
        assert (verdict.refused, list(verdict.remaining)) == (None, [0, 0, 7])


async def test_what_is_given_back_at_once_was_never_taken(counters: Counters, clock: Clock) -> None:
    await counters.take("one", [Take("a", 7, 3)], clock())
    await counters.take("two", [Take("a", 7, 4)], clock())
    counters.adjust("one", [Take("a", 7, -3)], clock())
    assert list((await counters.take("three", [Take("a", 7, 3)], clock())).remaining) == [0]


async def test_more_than_was_estimated_is_paid_back_by_waiting(counters: Counters, clock: Clock) -> None:
    await counters.take("one", [Take("a", 60, 60)], clock())
    counters.adjust("one", [Take("a", 60, 30)], clock())
    refused = await counters.take("two", [Take("a", 60, 1)], clock())
    assert (refused.retry_after, list(refused.remaining), list(refused.reset)) == (31.0, [0], [90.0])


async def test_absurd_amounts_break_nothing(counters: Counters, clock: Clock) -> None:
    """A provider may claim any usage."""
    counters.adjust("one", [Take("a", 1, 10**18)], clock())
    counters.post("f", 0, 0, 1, [])
    assert await counters.reserve("hold", [Fund("f", 5)], 10**20, 10**20, 10**17) == (0, ())
    assert await counters.reserve("hold", [Fund("f")], 5, 5, 10**17) == (None, ())
    counters.settle("hold", [Fund("f")], 10**20, 10**20)
    refused = await counters.take("two", [Take("a", 1)], clock())
    assert refused.retry_after is not None
    assert refused.retry_after > 10**18
    assert (await counters.take("two", [Take("b", 1)], clock())).refused is None
    counters.post("f", 0, 0, 2, ["hold"])
    assert list(await counters.standings(["f"])) == [Standing(0, 0, 0, 0, 2)]


async def test_nothing_is_held_in_a_fund_that_nobody_posted(counters: Counters, clock: Clock) -> None:
    funds = [Fund("a", 100), Fund("b", 100)]
    counters.post("a", 10, 1, 1, [])
    refused, unknown = await counters.reserve("call", funds, 50, 5, clock() + SECOND)
    assert (refused, list(unknown)) == (None, [1])
    assert list(await counters.standings(["a", "b"])) == [Standing(10, 1, 0, 0, 1), None]
    counters.post("b", 0, 0, 1, [])
    assert await counters.reserve("call", funds, 50, 5, clock() + SECOND) == (None, ())
    assert list(await counters.standings(["a", "b"])) == [Standing(10, 1, 50, 5, 1), Standing(0, 0, 50, 5, 1)]
    assert [list(names) for names in await counters.holds(["a", "c", "b"])] == [["call"], [], ["call"]]


async def test_a_fund_is_never_promised_twice(counters: Counters, clock: Clock) -> None:
    counters.post("wide", 0, 0, 1, [])
    counters.post("money", 40, 0, 1, [])
    counters.post("tokens", 0, 90, 1, [])
    later = clock() + SECOND
    assert await counters.reserve("one", [Fund("wide"), Fund("money", 100)], 60, 1, later) == (None, ())
    assert await counters.reserve("two", [Fund("wide"), Fund("money", 100)], 1, 1, later) == (1, ())
    assert await counters.reserve("two", [Fund("wide"), Fund("tokens", None, 100)], 1, 11, later) == (1, ())
    assert await counters.reserve("two", [Fund("wide"), Fund("tokens", None, 100)], 1, 10, later) == (None, ())
    assert await counters.reserve("free", [Fund("money", 0)], 0, 9, later) == (None, ())
    assert [row and row.held_nano for row in await counters.standings(["wide", "money", "tokens"])] == [61, 60, 1]


async def test_the_same_hold_again_changes_it(counters: Counters, clock: Clock) -> None:
    fund = Fund("a", 100, 100)
    counters.post("a", 0, 0, 1, [])
    await counters.reserve("call", [fund], 60, 6, clock() + SECOND)
    assert await counters.reserve("call", [fund], 101, 6, clock() + SECOND) == (0, ())
    assert await counters.reserve("call", [fund], 100, 7, clock() + SECOND) == (None, ())
    assert list(await counters.standings(["a"])) == [Standing(0, 0, 100, 7, 1)]


async def test_a_settled_hold_stays_until_the_ledger_has_it(counters: Counters, clock: Clock) -> None:
    fund = Fund("a", 100)
    counters.post("a", 0, 0, 1, [])
    await counters.reserve("call", [fund], 60, 6, clock() + SECOND)
    counters.settle("call", [fund], 25, 3)
    counters.settle("call", [fund], 25, 3)
    clock.forward(2)
    assert list(await counters.standings(["a"])) == [Standing(0, 0, 25, 3, 1)]
    counters.post("a", 25, 3, 2, ["call", "another worker's"])
    counters.settle("call", [fund], 25, 3)
    assert list(await counters.standings(["a"])) == [Standing(25, 3, 0, 0, 2)]


async def test_settled_at_nothing_it_is_gone(counters: Counters, clock: Clock) -> None:
    counters.post("a", 0, 0, 1, [])
    await counters.reserve("call", [Fund("a")], 60, 6, clock() + SECOND)
    counters.settle("call", [Fund("a")], 0, 0)
    assert list(await counters.standings(["a"])) == [Standing(0, 0, 0, 0, 1)]


async def test_an_older_sum_is_ignored_but_its_holds_go(counters: Counters, clock: Clock) -> None:
    counters.post("a", 0, 0, 1, [])
    await counters.reserve("first", [Fund("a")], 10, 1, clock() + SECOND)
    await counters.reserve("second", [Fund("a")], 20, 2, clock() + SECOND)
    counters.post("a", 30, 3, 3, ["second"])
    counters.post("a", 10, 1, 2, ["first"])
    assert list(await counters.standings(["a"])) == [Standing(30, 3, 0, 0, 3)]


async def test_holds_expire(counters: Counters, clock: Clock) -> None:
    fund = Fund("a", 100)
    counters.post("a", 0, 0, 1, [])
    await counters.reserve("one", [fund], 60, 6, clock() + 2 * SECOND)
    await counters.reserve("two", [fund], 40, 4, clock() + 4 * SECOND)
    clock.forward(1.999)
    assert await counters.reserve("three", [fund], 1, 1, clock() + SECOND) == (0, ())
    clock.forward(0.001)
    assert await counters.reserve("three", [fund], 60, 1, clock() + SECOND) == (None, ())
    clock.forward(3)
    assert list(await counters.standings(["a"])) == [Standing(0, 0, 0, 0, 1)]


async def test_large_sums_stay_exact(counters: Counters, clock: Clock) -> None:
    settled = 123_456_789_012_345_678  # 123 million USD
    counters.post("a", settled, 3, 1, [])
    await counters.reserve("call", [Fund("a")], 4_503_599_627_370_497, 2, clock() + SECOND)
    assert list(await counters.standings(["a"])) == [Standing(settled, 3, 4_503_599_627_370_497, 2, 1)]


Granted = list[tuple[int, int]]


@given(
    limit=st.integers(1, 50) | st.integers(1000, 10**9),
    steps=st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 60)), max_size=60),
)
def test_no_window_sees_more_than_the_limit_and_what_leaks(limit: int, steps: list[tuple[int, int]]) -> None:
    """In any window of any length: at most the burst and what its length gives back, to the unit. And no call is
    refused for which there was room."""
    counters, now, granted = MemoryCounters(), 0, Granted()
    for gap, share in steps:
        now += gap
        cost = max(1, limit * share // 60)
        would = [(now, cost), *granted]
        sums = [sum(c for at, c in would if at >= start) for start, _ in would]
        fits = all(
            total * 60_000 <= limit * (60_000 + now - start) for (start, _), total in zip(would, sums, strict=True)
        )
        verdict = at_once(counters.take("call", [Take("a", limit, cost)], now * 1000))
        assert (verdict.refused is None) == fits
        if fits:
            granted.append((now, cost))
        else:
            again = at_once(counters.take("call", [Take("a", limit, 0)], now * 1000))
            assert again.remaining == verdict.remaining
            later = now * 1000 + round(verdict.retry_after * SECOND)
            copy = MemoryCounters()
            for at, c in granted:
                at_once(copy.take("call", [Take("a", limit, c)], at * 1000))
            assert at_once(copy.take("call", [Take("a", limit, cost)], later - 1000)).refused == 0
            assert at_once(copy.take("call", [Take("a", limit, cost)], later)).refused is None


@given(
    limit=st.integers(1, 100),
    steps=st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 60), st.integers(0, 3)), max_size=60),
)
def test_giving_back_never_lets_more_pass_than_the_limit_and_the_time(
    limit: int, steps: list[tuple[int, int, int]]
) -> None:
    """From the beginning to any moment, whenever what was taken is given back."""
    counters, now, kept, running = MemoryCounters(), 0, 0, list[int]()
    for gap, share, back in steps:
        now += gap
        cost = max(1, limit * share // 60)
        if at_once(counters.take("call", [Take("a", limit, cost)], now * 1000)).refused is None:
            kept += cost
            running.append(cost)
        if len(running) > back:
            gone = running.pop(back)
            counters.adjust("call", [Take("a", limit, -gone)], now * 1000)
            kept -= gone
        assert kept * 60_000 <= limit * (60_000 + now)


def test_idle_names_are_forgotten() -> None:
    """Callers make up names: a thousand a minute for an hour leave no more than those of the last minutes."""
    counters, most = MemoryCounters(), 0
    for minute in range(60):
        for index in range(1000):
            now = (minute * 1000 + index) * 60 * SECOND // 1000
            takes = [Take(f"{minute}/{index}", 1), Take(f"{minute}/{index}", 9, parallel=True)]
            at_once(counters.take("call", takes, now))
            counters.adjust("call", takes[1:], now)
        most = max(most, len(counters))
    assert most <= 2001


def test_idle_funds_are_forgotten(clock: Clock) -> None:
    counters = MemoryCounters(clock)
    for day in range(10):
        for index in range(100):
            counters.post(f"{day}/{index}", 0, 0, 1, [])
        clock.forward(SETTLED_US / SECOND)
    assert len(counters) <= 300


def test_the_settings_choose(redis_url: str) -> None:
    assert isinstance(open_counters(Settings()), MemoryCounters)
    assert isinstance(open_counters(Settings(redis_url=redis_url)), RedisCounters)
