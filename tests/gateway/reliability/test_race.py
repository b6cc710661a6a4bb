"""Hedged calls: when a second deployment is asked, who wins, and what becomes of the other."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from pilothouse.gateway.reliability.attempts import Attempts
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.types import ChatChunk, ChatRequest

from ..scripted import whole
from .bench import DOWN, OK, ROLE, STREAM, Bench, Upstream, at


class Purse:
    """Reserves for hedges, as far as allowed, and remembers whose answer was in vain."""

    def __init__(self, allowed: bool = True) -> None:
        self.allowed = allowed
        self.reserved: list[str] = []
        self.settled: list[str | None] = []
        self.said: list[str] = []

    @property
    def hooks(self) -> dict[str, Any]:
        async def reserve(deployment: Deployment) -> bool:
            self.reserved.append(deployment.id)
            return self.allowed

        async def settle(deployment: Deployment | None, said: Sequence[ChatChunk]) -> None:
            self.settled.append(deployment and deployment.id)
            self.said.append("".join(chunk.text for chunk in said))

        return {"reserve_hedge": reserve, "settle_hedge": settle}


HEDGE = {"after": 0.01, "share": 1.0}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_late_first_token_brings_a_second_call_and_the_first_to_begin_answers(stream: bool) -> None:
    up = Upstream(a=[[ROLE, asyncio.Event()]] if stream else [[asyncio.Event()]], b=STREAM if stream else OK)
    bench, purse = Bench({"m": at("a", "b", hedge=HEDGE)}, up), Purse()
    assert await bench.text(stream, hooks=purse.hooks) == "fine"
    assert (up.asked, up.open) == (["a", "b"], [])
    assert (purse.reserved, purse.settled) == (["up/b"], ["up/a"])
    assert bench.span.deployment == "up/b"
    assert bench.chosen[-1] == "up/b"
    assert bench.tries() == {"hedged": "up/b"}
    assert str(bench.span.attributes["routing"]).endswith(" hedged")
    a, b = bench.of("a"), bench.of("b")
    assert (a.in_flight, a.failures, b.in_flight) == (0, 0, 0)
    assert (a.streamed if stream else a.whole).count == 1  # it took at least that long


async def test_the_first_may_still_win_and_the_hedge_is_cancelled() -> None:
    go = asyncio.Event()
    up = Upstream(a=[[go, whole("first")]], b=[[asyncio.Event()]])
    bench, purse = Bench({"m": at("a", "b", hedge=HEDGE)}, up), Purse()
    task = asyncio.create_task(bench.text(hooks=purse.hooks))
    await up.until(lambda: up.asked == ["a", "b"])
    go.set()
    assert await task == "first"
    assert (bench.span.deployment, set(bench.chosen), up.open) == ("up/a", {"up/a"}, [])
    assert purse.settled == ["up/b"]


async def test_when_both_begin_at_once_the_first_answers_and_the_other_is_closed() -> None:
    go = asyncio.Event()
    up = Upstream(a=[[go, whole("first")]], b=[[go, whole("second")]])
    bench, purse = Bench({"m": at("a", "b", hedge=HEDGE)}, up), Purse()
    task = asyncio.create_task(bench.text(hooks=purse.hooks))
    await up.until(lambda: up.open == ["a", "b"])
    go.set()
    assert await task == "first"
    assert (up.open, purse.settled, bench.of("b").in_flight) == ([], ["up/b"], 0)
    assert purse.said == ["second"]


async def test_a_quick_answer_brings_no_hedge() -> None:
    bench, purse = Bench({"m": at("a", "b", hedge={"after": 60, "share": 1.0})}, Upstream(a=OK, b=OK)), Purse()
    assert await bench.text(hooks=purse.hooks) == "fine"
    assert (bench.up.asked, purse.reserved, purse.settled) == (["a"], [], [])


async def test_a_hedge_needs_a_reservation_a_share_and_a_healthy_candidate() -> None:
    for why in ("reservation", "share", "health", "alone"):
        go = asyncio.Event()
        up = Upstream(a=[[go, whole("fine")]], b=OK)
        share = 0.0 if why == "share" else 1.0
        models = at("a") if why == "alone" else at("a", "b")
        bench, purse = (
            Bench({"m": {**models, "hedge": {"after": 0.005, "share": share}}}, up),
            Purse(why != "reservation"),
        )
        if why == "health":
            bench.of("b").open_for(60, bench.clock.now, ProviderUnavailable)
        task = asyncio.create_task(bench.text(hooks=purse.hooks))
        await asyncio.wait_for(up.waits.wait(), 30)
        asyncio.get_running_loop().call_later(0.02, go.set)
        assert await task == "fine"
        assert up.asked == ["a"]
        assert purse.reserved == (["up/b"] if why == "reservation" else [])
        assert purse.settled == []


async def test_hedges_keep_to_their_share_of_calls() -> None:
    attempts = Attempts(Health())
    hedged = 0
    for _ in range(1000):
        attempts.earn_hedge("m", 0.05)
        hedged += attempts.take_hedge("m", 0.05)
    assert 50 <= hedged <= 51


async def test_without_a_figure_the_p95_of_the_first_token_is_waited_for() -> None:
    up = Upstream(a=[[ROLE, asyncio.Event()]], b=STREAM)
    bench, purse = Bench({"m": at("a", "b", hedge={"share": 1.0})}, up), Purse()
    for _ in range(20):
        bench.of("a").streamed.add(0.01)
    assert await bench.text(stream=True, hooks=purse.hooks) == "fine"
    assert purse.settled == ["up/a"]


async def test_when_both_fail_the_others_are_asked_and_nothing_was_in_vain() -> None:
    go = asyncio.Event()
    up = Upstream(a=[[go, DOWN]], b=[[ProviderTimeout("x")]], c=OK)
    bench, purse = Bench({"m": at("a", "b", "c", hedge=HEDGE)}, up), Purse()
    task = asyncio.create_task(bench.text(hooks=purse.hooks))
    await up.until(lambda: up.asked == ["a", "b"] and up.open == ["a"])
    go.set()
    assert await task == "fine"
    assert up.asked == ["a", "b", "c"]
    assert purse.settled == [None]
    assert bench.tries()["attempt_1"] == "up/b: provider_timeout"
    assert bench.tries()["attempt_2"] == "up/a: provider_unavailable"


async def test_a_first_that_fails_by_itself_is_followed_without_a_hedge() -> None:
    bench, purse = Bench({"m": at("a", "b", hedge=HEDGE)}, Upstream(a=[[DOWN]], b=OK)), Purse()
    assert await bench.text(hooks=purse.hooks) == "fine"
    assert (purse.reserved, purse.settled) == ([], [])


async def test_what_is_the_callers_fault_ends_the_race() -> None:
    bad = ProviderRejected("bad", upstream_status=400)
    up = Upstream(a=[[asyncio.Event()]], b=[[bad]])
    bench, purse = Bench({"m": at("a", "b", hedge=HEDGE)}, up), Purse()
    with pytest.raises(ProviderRejected):
        await bench.text(hooks=purse.hooks)
    assert (up.open, purse.settled) == ([], ["up/a"])


class Reluctant(Upstream):
    """Takes its time to hang up on `a`."""

    def __init__(self, **scripts: Any) -> None:
        super().__init__(**scripts)
        self.hanging_up = asyncio.Event()

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        async with aclosing(super().chat(request, call)) as chunks:
            try:
                async for chunk in chunks:
                    yield chunk
            finally:
                if request.model == "a":
                    self.hanging_up.set()
                    await asyncio.Event().wait()


async def test_a_caller_who_leaves_while_the_loser_hangs_up_closes_the_winner_too() -> None:
    up = Reluctant(a=[[asyncio.Event()]], b=STREAM)
    bench, purse = Bench({"m": at("a", "b", hedge=HEDGE)}, up), Purse()
    task = asyncio.create_task(bench.text(stream=True, hooks=purse.hooks))
    await asyncio.wait_for(up.hanging_up.wait(), 30)
    assert up.open == ["b"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert up.open == []
    assert [bench.of(name).in_flight for name in "ab"] == [0, 0]
    assert purse.settled == ["up/b"]  # once: what is reserved does not stay so


async def test_a_caller_who_leaves_during_a_race_leaves_no_task_and_no_call_behind() -> None:
    up = Upstream(a=[[asyncio.Event()]], b=[[asyncio.Event()]])
    bench, purse = Bench({"m": at("a", "b", hedge=HEDGE)}, up), Purse()
    before = asyncio.all_tasks()
    task = asyncio.create_task(bench.text(hooks=purse.hooks))
    await up.until(lambda: up.open == ["a", "b"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (up.open, asyncio.all_tasks()) == ([], before)
    assert purse.settled == ["up/b"]
    assert (bench.span.deployment, bench.chosen) == ("up/a", ["up/a"])  # the other one is settled by itself
    assert [bench.of(name).in_flight for name in "ab"] == [0, 0]
