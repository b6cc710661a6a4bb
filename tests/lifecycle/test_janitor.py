"""The janitor: one process for all, everything that is too old, and no step in the way of writers."""

import asyncio
from collections.abc import Iterator

import pytest

from pilothouse.errors import StorageError
from pilothouse.lifecycle import janitor as module
from pilothouse.lifecycle.janitor import Janitor
from pilothouse.observe.privacy.retention import Gone, Retention
from pilothouse.observe.rows import to_fact, to_row
from pilothouse.observe.sums.overnight import Overnight
from pilothouse.observe.sums.summaries import absorb
from pilothouse.privacy import RetentionConfig
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store, writing
from pilothouse.storage.turns import Turn

from ..observe.making import full_span

DAY = 20_784
AGES = RetentionConfig(payloads=2)


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


def janitor(store: Store) -> Janitor:
    def clock() -> int:
        return (DAY + 1) * 86_400_000_000

    turn = Turn(store.control, "retention", seconds=60.0)
    return Janitor(Retention(store, clock), lambda: AGES, turn, Overnight(store, clock))


def fill(store: Store) -> None:
    for day in range(DAY - 10, DAY):
        with writing(store.observe) as connection:
            store.payloads.put(connection, day, [("default", "t", "s", b"x")])


async def test_a_sweep_takes_everything_that_is_too_old(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BETWEEN", 0.0)
    fill(store)
    gone = await janitor(store).sweep()
    assert gone.days == 9
    assert await janitor(store).sweep() == Gone()  # somebody else's turn
    assert not Turn(store.control, "retention", seconds=60.0).take()


async def test_days_that_are_over_get_their_sheets(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BETWEEN", 0.0)
    start_us = DAY * 86_400_000_000
    spans = [full_span(trace_id=f"t{ago}", start_us=start_us - ago * 86_400_000_000) for ago in range(3)]
    facts = {(span.project_id, span.trace_id): [to_fact(span, to_row(span))] for span in spans}
    with writing(store.observe) as connection:
        absorb(connection, facts, {}, dict.fromkeys(facts, DAY))
    at_work = janitor(store)
    assert await at_work.tidy() == 3
    assert await at_work.tidy() == 0
    assert await janitor(store).tidy() == 0  # somebody else's turn


async def test_it_runs_until_it_is_told_to_stop_and_outlives_failures(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_FIRST", "_AGAIN", "_BETWEEN"):
        monkeypatch.setattr(module, name, 0.0)
    fill(store)
    at_work, seen = janitor(store), asyncio.Event()
    sweep = at_work.sweep

    async def once_failing() -> Gone:
        monkeypatch.setattr(at_work, "sweep", sweep_and_tell)
        raise StorageError("away")

    async def sweep_and_tell() -> Gone:
        gone = await sweep()
        seen.set()
        return gone

    monkeypatch.setattr(at_work, "sweep", once_failing)
    task = asyncio.create_task(at_work.run())
    await asyncio.wait_for(seen.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with store.observe.connect() as connection:
        assert [size.day for size in store.payloads.sizes(connection)] == [DAY - 1]
