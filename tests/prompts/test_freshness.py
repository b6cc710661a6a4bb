import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest

from pilothouse.errors import NotFound, ProviderUnavailable
from pilothouse.prompts.freshness import Fresh


@dataclass
class Source:
    """Fetches that end when the test says so."""

    now: float = 100.0
    begun: list[tuple[str, "Future[str]"]] = field(default_factory=list)

    def fetch(self, key: str) -> "Future[str]":
        future: Future[str] = Future()
        self.begun.append((key, future))
        return future

    def answer(self, value: str | Exception) -> None:
        future = self.begun[-1][1]
        future.set_exception(value) if isinstance(value, Exception) else future.set_result(value)

    def fresh(self, **options: Any) -> Fresh[str, str]:
        return Fresh(
            self.fetch, lambda error: isinstance(error, NotFound), clock=lambda: self.now, chance=lambda: 0.5, **options
        )


@pytest.fixture
def source() -> Source:
    return Source()


def test_those_who_wait_for_one_value_share_one_fetch(source: Source) -> None:
    fresh = source.fresh()
    assert fresh.look("a", 60) is None
    waiting = [fresh.fetch("a") for _ in range(3)]
    source.answer("one")
    assert ({one.result() for one in waiting}, len(source.begun)) == ({"one"}, 1)
    assert fresh.look("a", 60) == "one"


def test_an_old_value_is_served_while_one_renewal_goes_on_behind(source: Source) -> None:
    fresh = source.fresh()
    fresh.fetch("a")
    source.answer("one")
    source.now += 59.9
    assert (fresh.look("a", 60), len(source.begun)) == ("one", 1)
    source.now += 0.1
    assert [fresh.look("a", 60) for _ in range(5)] == ["one"] * 5
    assert len(source.begun) == 2
    source.answer("two")
    assert (fresh.look("a", 60), len(source.begun)) == ("two", 2)
    assert (fresh.look("a", 0), len(source.begun)) == ("two", 3)


def test_copies_of_a_program_renew_at_different_times(source: Source) -> None:
    drawn = iter([0.0, 1.0])
    fresh = Fresh(source.fetch, lambda _: False, clock=lambda: source.now, chance=lambda: next(drawn))
    for key in ("early", "late"):
        fresh.fetch(key)
        source.answer(key)
    source.now += 55
    assert (fresh.look("early", 60), fresh.look("late", 60)) == ("early", "late")
    assert [key for key, _ in source.begun[2:]] == ["early"]


def test_a_source_that_is_away_is_asked_ever_more_seldom(source: Source) -> None:
    fresh = source.fresh()
    fresh.fetch("a")
    source.answer("one")
    source.now += 60
    pauses = list[float]()
    for _ in range(8):
        assert fresh.look("a", 60) == "one"
        source.answer(ProviderUnavailable("away"))
        since, asked = source.now, len(source.begun)
        assert fresh.resting("a")
        while len(source.begun) == asked:
            source.now += 0.25
            assert fresh.look("a", 60) == "one"
        pauses.append(source.now - since)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.75, 45.0)
    source.answer("two")
    assert (fresh.look("a", 60), fresh.resting("a")) == ("two", False)


def test_that_it_is_gone_is_an_answer(source: Source) -> None:
    fresh = source.fresh()
    fresh.fetch("a")
    source.answer("one")
    source.now += 60
    assert fresh.look("a", 60) == "one"
    source.answer(NotFound("archived"))
    assert fresh.look("a", 60) is None


def test_what_was_forgotten_does_not_come_back_from_a_fetch_of_before(source: Source) -> None:
    fresh = source.fresh(most=2)
    before = fresh.fetch("a")
    fresh.forget(lambda key: key == "a")
    source.answer("old")
    assert (before.result(), fresh.look("a", 60)) == ("old", None)
    for key in ("b", "c", "d"):
        fresh.put(key, key)
    assert [fresh.look(key, 60) for key in ("b", "c", "d")] == [None, "c", "d"]


def test_many_threads_want_it_at_once() -> None:
    begun, asked, go = list[Future[str]](), threading.Event(), threading.Barrier(17)

    def fetch(_: str) -> "Future[str]":
        begun.append(Future())
        asked.set()
        return begun[-1]

    fresh: Fresh[str, str] = Fresh(fetch, lambda _: False)
    got = list[str]()

    def ask() -> None:
        go.wait()
        found = fresh.look("a", 60)
        got.append(found if found is not None else fresh.fetch("a").result())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    go.wait()
    asked.wait()
    begun[0].set_result("one")
    for thread in threads:
        thread.join()
    assert (got, len(begun)) == (["one"] * 16, 1)
