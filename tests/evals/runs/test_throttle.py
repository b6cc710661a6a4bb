"""The pace: so many at once, so many a second, no more than the cap, a wait where a vendor asks for one."""

import asyncio

import pytest

from pilothouse.errors import Cancelled
from pilothouse.evals.runs.throttle import CapReached, Throttle
from pilothouse.evals.runs.turns import Turn


class Clock:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_so_many_at_once() -> None:
    throttle, turn = Throttle(2), Turn(trace_id="t")
    await throttle.enter(turn)
    await throttle.enter(turn)
    third = asyncio.create_task(throttle.enter(turn))
    await asyncio.sleep(0)
    assert (throttle.running, third.done()) == (2, False)
    throttle.leave(5)
    await third
    assert (throttle.running, throttle.spent_nano) == (2, 5)


async def test_so_many_a_second_and_a_pause() -> None:
    clock = Clock()
    throttle, begun, turn = Throttle(9, 2, clock=clock, sleep=clock.sleep), list[float](), Turn(trace_id="t")
    for _ in range(3):
        await throttle.enter(turn)
        begun.append(clock.now)
    throttle.pause(10)
    await throttle.enter(turn)
    assert [*begun, clock.now] == [0, 0.5, 1, 11]
    assert (turn.waited_s, throttle.waits) == (11, 1)


async def test_the_cap_counts_what_is_under_way_as_the_dearest_so_far() -> None:
    throttle, turn = Throttle(9, cap_nano=100), Turn(trace_id="t")
    await throttle.enter(turn)
    throttle.leave(40)
    await throttle.enter(turn)
    with pytest.raises(CapReached, match=r"has spent \$0\.0000.*Raise the cap"):
        await throttle.enter(turn)
    throttle.leave(None)
    assert (throttle.spent_nano, throttle.unpriced) == (40, 1)
    await throttle.enter(turn)
    throttle.leave(60)
    with pytest.raises(CapReached):
        await throttle.enter(turn)


async def test_who_waits_is_let_go_once_the_run_halts() -> None:
    throttle, turn = Throttle(1), Turn(trace_id="t")
    throttle.pause(1000)
    waiting = asyncio.create_task(throttle.enter(turn))
    await asyncio.sleep(0)
    throttle.halt("It was interrupted.")
    with pytest.raises(Cancelled, match="interrupted"):
        await waiting
    with pytest.raises(Cancelled):
        await throttle.enter(turn)
    assert not turn.cut


async def test_a_wait_that_is_cut_off_is_noted_and_takes_no_room() -> None:
    throttle, turn = Throttle(1), Turn(trace_id="t")
    throttle.pause(1000)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await throttle.enter(turn)
    assert turn.cut
    assert throttle.running == 0
