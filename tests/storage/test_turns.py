"""Whose turn it is: one process at a time, the next where it falls silent."""

import asyncio
import logging
import threading

import pytest

from pilothouse.errors import StorageError
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

from .conftest import Clock


def test_one_has_the_turn_until_it_falls_silent(store: Store, clock: Clock) -> None:
    one = Turn(store.control, "work", seconds=30, clock=clock)
    other = Turn(store.control, "work", seconds=30, clock=clock)
    assert one.take()
    assert not other.take()
    clock.forward(20)
    assert one.take()
    clock.forward(29)
    assert not other.take()
    clock.forward(2)
    assert other.take()
    assert not one.take()


def test_a_turn_that_is_given_up_is_free_and_names_do_not_mix(store: Store, clock: Clock) -> None:
    one = Turn(store.control, "work", seconds=30, clock=clock)
    other = Turn(store.control, "work", seconds=30, clock=clock)
    assert one.take()
    assert Turn(store.control, "else", seconds=30, clock=clock).take()
    other.end()
    assert not other.take()
    one.end()
    assert other.take()


async def test_who_is_about_to_take_it_when_the_work_ends_keeps_it_from_nobody(store: Store, clock: Clock) -> None:
    one = Turn(store.control, "work", seconds=30, clock=clock)
    begun, over, let_go = asyncio.Event(), asyncio.Event(), threading.Event()
    loop, taken = asyncio.get_running_loop(), list[bool]()

    def late() -> None:
        loop.call_soon_threadsafe(begun.set)
        let_go.wait(20)
        taken.append(one.take())
        loop.call_soon_threadsafe(over.set)

    async def work() -> float:
        await asyncio.to_thread(late)
        return 0.0

    serving = asyncio.create_task(one.serve(work, again=0.0, failing="It waits", logger=logging.getLogger("x")))
    await asyncio.wait_for(begun.wait(), 20)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    let_go.set()
    await asyncio.wait_for(over.wait(), 20)
    assert taken == [False]
    assert Turn(store.control, "work", seconds=30, clock=clock).take()


async def test_what_fails_is_told_once_and_done_again_and_the_turn_ends_with_it(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    one = Turn(store.control, "work", seconds=30, clock=clock)
    other = Turn(store.control, "work", seconds=30, clock=clock)
    done, outcomes = asyncio.Event(), [StorageError("away"), StorageError("away"), ValueError("odd"), ValueError("odd")]

    async def work() -> float:
        assert one.take()
        if outcomes:
            raise outcomes.pop(0)
        done.set()
        return 0.0

    serving = asyncio.create_task(one.serve(work, again=0.0, failing="It waits", logger=logging.getLogger("x")))
    await asyncio.wait_for(done.wait(), 30)
    assert not other.take()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert other.take()
    assert [record.getMessage() for record in caplog.records] == ["It waits: away", "It waits"]
