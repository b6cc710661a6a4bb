"""Whoever waits for a database waits in turn, and not for ever."""

import asyncio
import threading

import pytest

from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.errors import Overloaded, StorageError


async def test_one_after_the_other() -> None:
    turn, running, most = OneByOne(), threading.Semaphore(1), list[bool]()

    def work() -> int:
        most.append(running.acquire(blocking=False))
        running.release()
        return len(most)

    assert sorted(await asyncio.gather(*(turn.run(work) for _ in range(20)))) == list(range(1, 21))
    assert all(most)


async def test_nobody_waits_for_ever_and_what_began_goes_on() -> None:
    turn, unlocked, done = OneByOne(patience=0.05), threading.Event(), list[str]()

    def blocked() -> None:
        unlocked.wait(20)
        done.append("blocked")

    for work in (blocked, lambda: done.append("waited")):
        with pytest.raises(Overloaded, match="takes too long"):
            await turn.run(work)
    unlocked.set()
    turn._patience = 20.0
    await turn.run(lambda: done.append("after"))
    assert done == ["blocked", "after"]


async def test_what_goes_wrong_is_told_and_the_next_one_works() -> None:
    turn = OneByOne()

    def fail() -> None:
        raise StorageError("away")

    with pytest.raises(StorageError):
        await turn.run(fail)
    assert await turn.run(lambda: 7) == 7
