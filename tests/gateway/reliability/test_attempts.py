"""Attempts over scripted providers: what the caller gets, in which order deployments are asked, what the span says."""

import asyncio
import random
from contextlib import aclosing
from typing import Any

import pytest

from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    PilothouseError,
    ProviderAuth,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    Unsupported,
)
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.types import ChatChunk, EmbedRequest, Usage

from ..scripted import piece, usage_chunk, whole
from .bench import DOWN, OK, ROLE, STREAM, Bench, Upstream, at, failing

# ---- the common case


@pytest.mark.parametrize("stream", [False, True])
async def test_one_deployment_answers_at_once(stream: bool) -> None:
    bench = Bench({"m": at("a")}, Upstream(a=STREAM if stream else OK))
    assert await bench.text(stream) == "fine"
    span = bench.span
    assert (span.provider, span.deployment, span.response_model, span.kind) == ("openai", "up/a", "a", "llm")
    assert span.attributes == {"routing": "single"}
    assert bench.call.versions["deployment"] == "up/a"
    assert bench.chosen == ["up/a"]
    assert (bench.of("a").in_flight, bench.of("a").streamed.count, bench.of("a").whole.count) == (0, stream, not stream)


async def test_calls_in_flight_are_counted() -> None:
    go = asyncio.Event()
    bench = Bench({"m": at("a")}, Upstream(a=[[go, whole("x")]]))
    task = asyncio.create_task(bench.text())
    await asyncio.wait_for(bench.up.waits.wait(), 30)
    assert bench.of("a").in_flight == 1
    go.set()
    await task
    assert bench.of("a").in_flight == 0


# ---- the order of tries


async def test_retries_wait_longer_each_time_with_full_jitter() -> None:
    bench = Bench({"m": at("a", resilience={"retries": 3})}, Upstream(a=[[DOWN], [DOWN], [DOWN], [whole("fine")]]))
    assert await bench.text() == "fine"
    assert bench.up.asked == ["a"] * 4
    draws = random.Random(1)
    assert bench.clock.naps == [draws.random() * most for most in (0.25, 0.5, 1.0)]
    attempt = "up/a: provider_unavailable"
    assert bench.tries() == {"attempt_1": attempt, "attempt_2": attempt, "attempt_3": attempt, "attempts": 4}


async def test_a_retry_after_is_kept_to_or_else_others_are_asked() -> None:
    busy = RateLimited("busy", retry_after=3)
    bench = Bench({"m": at("a", resilience={"retries": 1})}, Upstream(a=[[busy], [whole("fine")]]))
    assert await bench.text() == "fine"
    assert 3 <= bench.clock.naps[0] < 3.25

    bench = Bench({"m": at("a", resilience={"retries": 1})}, Upstream(a=[[RateLimited("busy", retry_after=30)]]))
    assert (await failing(bench, RateLimited)).message == "busy"
    assert bench.clock.naps == []  # longer than `longest_wait`

    bench = Bench({"m": at("a", "b", resilience={"retries": 1})}, Upstream(a=[[busy]], b=OK))
    assert await bench.text() == "fine"
    assert (bench.up.asked, bench.clock.naps) == (["a", "b"], [])
    assert bench.tries() == {"attempt_1": "up/a: rate_limit_exceeded", "attempts": 2}


async def test_no_retry_goes_beyond_the_calls_deadline() -> None:
    bench = Bench({"m": at("a", resilience={"retries": 5})}, Upstream(a=[[ProviderUnavailable("x", retry_after=2)]]))
    bench.new_call(deadline=asyncio.get_running_loop().time() + 1)
    await failing(bench, ProviderUnavailable)
    assert (bench.up.asked, bench.clock.naps) == (["a"], [])


@pytest.mark.parametrize("stream", [False, True])
async def test_retries_then_the_next_candidate_then_fallbacks(stream: bool) -> None:
    models = {"m": at("a", "b", resilience={"retries": 1}, fallbacks=["spare"]), "spare": at("c")}
    bench = Bench(models, Upstream(a=[[DOWN]], b=[[ROLE, DOWN]] if stream else [[DOWN]], c=STREAM if stream else OK))
    assert await bench.text(stream) == "fine"
    assert bench.up.asked == ["a", "a", "b", "b", "c"]
    assert bench.chosen == ["up/a", "up/b", "up/c"]
    assert bench.span.deployment == "up/c"
    assert bench.span.attributes["routing"] == "fallback server -> spare, single"
    assert bench.span.attributes["attempts"] == 5


async def test_fallbacks_of_fallbacks_follow_once_each_also_in_a_ring() -> None:
    models = {
        "m": at("a", fallbacks=["one", "two"]),
        "one": at("b", fallbacks=["m", "three"]),
        "two": at("c", fallbacks=["one"]),
        "three": at("d", "a", fallbacks=["m"]),
    }
    bench = Bench(models, Upstream(a=[[DOWN]], b=[[DOWN]], c=[[DOWN]], d=[[ProviderTimeout("late")]]))
    assert (await failing(bench, ProviderTimeout)).message == "late"
    assert bench.up.asked == ["a", "b", "c", "d"]  # `a` again, in the alias `three`, would say the same
    assert bench.span.attributes["attempts"] == 4


async def test_an_alias_of_deployments_that_were_asked_already_still_leads_on() -> None:
    models = {"m": at("a", fallbacks=["same"]), "same": at("a", fallbacks={"server": ["spare"]}), "spare": at("b")}
    bench = Bench(models, Upstream(a=[[DOWN]], b=OK))
    assert await bench.text() == "fine"
    assert bench.up.asked == ["a", "b"]


async def test_a_call_too_long_for_its_alias_has_all_its_longer_ones_to_go_to() -> None:
    models = {"m": at("a", fallbacks={"context": ["wide", "wider"]}), "wide": at("b"), "wider": at("c")}
    models["m"]["deployments"][0]["context_tokens"] = 1
    bench = Bench(models, Upstream(a=OK, b=[[DOWN]], c=OK))
    assert await bench.text() == "fine"
    assert bench.up.asked == ["b", "c"]
    assert bench.span.attributes["routing"] == "fallback context -> wider, single"


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (ContextTooLong("x"), "context"),
        (ContentFiltered("x"), "content"),
        (RateLimited("x"), "rate_limit"),
        (DOWN, "server"),
        (ProviderTimeout("x"), "timeout"),
        (ProviderAuth("x"), "auth"),
        (ProviderProtocolError("x"), "any"),
        (ProviderError("x"), "any"),
        (ProviderRejected("no such model", upstream_status=404), "any"),
    ],
)
async def test_the_class_of_a_failure_chooses_the_fallback(error: ProviderError, asked: str) -> None:
    classes = ("context", "content", "rate_limit", "server", "timeout", "auth", "any")
    models = {name: at(name) for name in classes} | {"m": at("a", fallbacks={name: [name] for name in classes})}
    bench = Bench(models, Upstream(a=[[error]], **dict.fromkeys(classes, OK)))
    assert await bench.text() == "fine"
    assert bench.up.asked == ["a", asked]


async def test_each_class_of_failure_of_an_alias_has_its_say() -> None:
    models = {"m": at("a", "b", fallbacks={"server": ["s"], "rate_limit": ["r"]}), "s": at("s"), "r": at("r")}
    bench = Bench(models, Upstream(a=[[DOWN]], b=[[RateLimited("x")]], s=[[DOWN]], r=OK))
    assert await bench.text() == "fine"
    assert bench.up.asked == ["a", "b", "s", "r"]


async def test_what_is_the_callers_own_fault_goes_nowhere_else() -> None:
    bad = ProviderRejected("temperature must be at most 2", upstream_status=400)
    bench = Bench({"m": at("a", "b", fallbacks=["s"]), "s": at("s")}, Upstream(a=[[bad]], b=OK, s=OK))
    assert await failing(bench, ProviderRejected) is bad
    assert bench.up.asked == ["a"]
    assert bench.tries() == {"attempt_1": "up/a: invalid_request_error"}


async def test_a_deployment_that_has_no_such_operation_is_not_the_end() -> None:
    bench = Bench({"m": at("a", "b")}, Upstream(a=[[Unsupported("no tools here")]], b=OK))
    assert await bench.text() == "fine"
    bench = Bench({"m": at("a")}, Upstream(a=[[Unsupported("no tools here")]]))
    assert (await failing(bench, Unsupported)).message == "no tools here"


async def test_an_answer_without_a_chunk_is_no_answer() -> None:
    bench = Bench({"m": at("a", "b")}, Upstream(a=[[]], b=OK))
    assert await bench.text() == "fine"
    assert bench.tries()["attempt_1"] == "up/a: provider_protocol_error"


# ---- streams


async def test_a_stream_that_fails_before_its_first_content_is_answered_by_another() -> None:
    bench = Bench({"m": at("a", "b")}, Upstream(a=[[ROLE, piece(), DOWN]], b=STREAM))
    chunks = [chunk async for chunk in bench.run(stream=True)]
    assert [chunk.text for chunk in chunks] == ["", "fi", "ne", "", ""]
    assert chunks[0] is ROLE  # the role of the one that answers, once
    assert bench.up.asked == ["a", "b"]
    assert bench.span.deployment == "up/b"


FIRSTS = [
    piece("text"),
    ChatChunk(b"{}", reasoning="thought"),
    piece(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]),
    piece(refusal="I will not"),
    piece(finish="stop"),
    usage_chunk(Usage(1, 0)),
    ChatChunk(b'{"type":"content_block_delta"}', event=b"content_block_delta"),
]


@pytest.mark.parametrize("first", FIRSTS, ids=["text", "reasoning", "tool", "refusal", "finish", "usage", "event"])
async def test_nothing_takes_over_after_the_first_content(first: ChatChunk) -> None:
    bench = Bench({"m": at("a", "b", fallbacks=["s"]), "s": at("s")}, Upstream(a=[[ROLE, first, DOWN]], b=STREAM))
    assert await bench.until_it_fails(ProviderUnavailable) == [ROLE, first]
    assert bench.up.asked == ["a"]
    assert bench.span.deployment == "up/a"
    assert bench.of("a").failures == 1


@pytest.mark.parametrize("event", [b"message_start", b"ping", b"response.created", b"response.in_progress"])
async def test_events_that_say_nothing_are_held_back(event: bytes) -> None:
    early = ChatChunk(b"{}", event=event, usage=Usage(9, 0))
    bench = Bench({"m": at("a", "b")}, Upstream(a=[[early, DOWN]], b=STREAM))
    assert await bench.text(stream=True) == "fine"


async def test_an_empty_stream_of_known_form_is_passed_on() -> None:
    bench = Bench({"m": at("a")}, Upstream(a=[[ROLE, piece()]]))
    assert [chunk async for chunk in bench.run(stream=True)] == [ROLE, piece()]


# ---- timeouts


async def test_a_first_token_that_is_late_goes_to_the_next() -> None:
    models = {"m": at("a", "b")}
    models["m"]["deployments"][0]["first_token_timeout"] = 0.01
    bench = Bench(models, Upstream(a=[[ROLE, asyncio.Event()]], b=STREAM))
    assert await bench.text(stream=True) == "fine"
    assert bench.tries() == {"attempt_1": "up/a: provider_timeout", "attempts": 2}
    assert (bench.up.open, bench.of("a").failures, bench.of("a").in_flight) == ([], 1, 0)


async def test_a_first_token_timeout_is_not_for_json_answers_and_ends_with_the_first_token() -> None:
    models = {"m": at("a")}
    models["m"]["deployments"][0]["first_token_timeout"] = 0.05
    go = asyncio.Event()
    for stream, steps in ((False, [go, whole("fine")]), (True, [piece("fi"), go, piece("ne", "stop")])):
        bench, go_on = Bench(models, Upstream(a=[steps])), asyncio.get_running_loop()
        go.clear()
        task = asyncio.create_task(bench.text(stream))
        await asyncio.wait_for(bench.up.waits.wait(), 30)
        go_on.call_later(0.06, go.set)
        assert await task == "fine"


async def test_a_deployments_own_time_bounds_the_whole_call() -> None:
    models = {"m": at("a", "b")}
    models["m"]["deployments"][0]["timeout"] = 0.01
    bench = Bench(models, Upstream(a=[[asyncio.Event()]], b=OK))
    assert await bench.text() == "fine"
    assert bench.tries() == {"attempt_1": "up/a: provider_timeout", "attempts": 2}
    own, none = bench.up.deadlines
    assert own is not None  # so that the provider gives up by then as well
    assert none is None

    bench = Bench(models, Upstream(a=[[piece("fi"), asyncio.Event()]], b=STREAM))
    (got,) = await bench.until_it_fails(ProviderTimeout, r"'up/a' did not end within 0\.01 s")
    assert (got.text, bench.up.asked, bench.up.open) == ("fi", ["a"], [])


async def test_a_deployments_own_patience_goes_to_its_provider_and_to_no_other() -> None:
    models = {"m": at("a", "b", resilience={"retries": 0})}
    models["m"]["deployments"][0] |= {"connect_timeout": 2, "read_timeout": 3}
    bench = Bench(models, Upstream(a=[[ProviderUnavailable("down")]], b=OK))
    assert await bench.text() == "fine"
    assert bench.up.patience == [(2, 3), None]


# ---- breakers


async def test_a_dead_deployment_leaves_rotation_and_comes_back_by_itself() -> None:
    up = Upstream(a=[*[[DOWN]] * 3, *[[DOWN]], [whole("again")]], b=OK)
    bench = Bench({"m": at("a", "b", resilience={"failures": 3, "cool_down": 15})}, up)
    for _ in range(5):
        bench.new_call()
        assert await bench.text() == "fine"
    assert up.asked == ["a", "b", "a", "b", "a", "b", "b", "b"]
    assert bench.tries() == {"passed_over": ["up/a: breaker open"]}
    bench.clock.now += 16  # half-open: the next call probes it, and it is still dead
    assert await bench.text() == "fine"
    assert up.asked[-2:] == ["a", "b"]
    assert await bench.text() == "fine"
    assert up.asked[-1:] == ["b"]
    bench.clock.now += 16
    assert await bench.text() == "again"
    assert await bench.text() == "again"
    assert bench.health.states()[0].breaker == "closed"


async def test_a_breaker_that_opens_ends_the_retries() -> None:
    bench = Bench({"m": at("a", resilience={"failures": 2, "retries": 5})}, Upstream(a=[[DOWN]]))
    await failing(bench, ProviderUnavailable)
    assert (bench.up.asked, len(bench.clock.naps)) == (["a", "a"], 1)


async def test_a_ring_of_open_breakers_comes_to_an_end() -> None:
    strict = {"failures": 1}
    models = {"m": at("a", fallbacks=["s"], resilience=strict), "s": at("b", fallbacks=["m"], resilience=strict)}
    bench = Bench(models, Upstream(a=[[DOWN]], b=[[DOWN]]))
    await failing(bench, ProviderUnavailable)
    await failing(bench, ProviderUnavailable)
    assert bench.span.attributes["passed_over"] == ["up/a: breaker open", "up/b: breaker open"]
    assert bench.up.asked == ["a", "b", "a"]


async def test_a_half_open_deployment_gets_one_probe_at_a_time() -> None:
    go = asyncio.Event()
    bench = Bench({"m": at("a", "b", resilience={"failures": 1})}, Upstream(a=[[DOWN], [go, whole("again")]], b=OK))
    await bench.text()
    bench.clock.now += 16
    probe = asyncio.create_task(bench.text())
    await asyncio.wait_for(bench.up.waits.wait(), 30)
    assert await bench.text() == "fine"
    assert bench.up.asked == ["a", "b", "a", "b"]
    go.set()
    assert await probe == "again"


@pytest.mark.parametrize("how", ["cancelled", "no room", "hook fails"])
async def test_a_probe_that_comes_to_nothing_leaves_the_place_to_the_next(how: str) -> None:
    up = Upstream(a=[[DOWN], [asyncio.Event()], [whole("again")]], b=OK)
    models = {"m": at("a", "b", resilience={"failures": 1})}
    models["m"]["deployments"][0]["limits"] = {"parallel": 1}
    bench = Bench(models, up)
    await bench.text(hooks={"enter": entering()})
    bench.clock.now += 16
    if how == "cancelled":
        task = asyncio.create_task(bench.text())
        await asyncio.wait_for(up.waits.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        up.scripts["a"].pop(0)
        assert how != "no room" or await bench.text(hooks={"enter": entering(room=False)}) == "fine"
        if how == "hook fails":
            with pytest.raises(RuntimeError):
                await bench.text(hooks={"enter": entering(error=RuntimeError("redis"))})
    assert not bench.of("a").probing
    assert await bench.text(hooks={"enter": entering()}) == "again"


async def test_when_all_are_open_the_least_bad_is_asked_rather_than_none() -> None:
    up = Upstream(a=[[ProviderUnavailable("a", retry_after=60)]], b=[[DOWN], [whole("fine")]], c=[[DOWN]])
    models = {"m": at("a", "b", resilience={"failures": 1}, fallbacks=["s"]), "s": at("c", resilience={"failures": 1})}
    bench = Bench(models, up)
    await failing(bench, ProviderUnavailable)
    assert up.asked == ["a", "b", "c"]
    bench.new_call()
    bench.clock.now += 1
    assert await bench.text() == "fine"
    assert up.asked == ["a", "b", "c", "b"]
    passed = ["up/a: breaker open", "up/b: breaker open", "up/c: breaker open"]
    assert bench.tries() == {"passed_over": passed}
    assert bench.health.states()[1].breaker == "closed"


async def test_the_breaker_remembers_the_class_of_failure_for_the_fallbacks() -> None:
    models = {"m": at("a", resilience={"failures": 1}, fallbacks={"auth": ["s"]}), "s": at("s")}
    bench = Bench(models, Upstream(a=[[ProviderAuth("x")]], s=OK))
    assert [await bench.text() for _ in range(3)] == ["fine"] * 3
    assert bench.up.asked == ["a", "s", "s", "s"]


async def test_a_busy_deployment_is_passed_over_until_its_retry_after() -> None:
    up = Upstream(a=[[RateLimited("busy", retry_after=20)], [whole("again")]], b=OK)
    bench = Bench({"m": at("a", "b")}, up)
    assert await bench.text() == "fine"
    bench.new_call()
    assert await bench.text() == "fine"
    assert bench.tries() == {"passed_over": ["up/a: busy"]}
    bench.clock.now += 21
    assert await bench.text() == "again"
    assert up.asked == ["a", "b", "b", "a"]


async def test_a_caller_who_leaves_counts_against_nobody_and_a_deadline_does() -> None:
    for deadline, failures in ((None, 0), (0.0, 1)):
        bench = Bench({"m": at("a")}, Upstream(a=[[piece("x"), asyncio.Event()]]))
        bench.new_call(deadline=deadline)
        task = asyncio.create_task(bench.text(stream=True))
        await asyncio.wait_for(bench.up.waits.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (bench.of("a").failures, bench.of("a").in_flight, bench.up.open) == (failures, 0, [])


async def test_closing_the_generator_closes_upstream_at_once() -> None:
    bench = Bench({"m": at("a")}, Upstream(a=[[piece("x"), asyncio.Event()]]))
    async with aclosing(bench.run(stream=True)) as chunks:
        assert (await anext(chunks)).text == "x"
        assert bench.up.open == ["a"]
    assert (bench.up.open, bench.of("a").failures) == ([], 0)


# ---- limits of a deployment's own


class Ticket:
    def __init__(self, left: list[Usage | None]) -> None:
        self._left = left

    async def leave(self, usage: Usage | None) -> None:
        self._left.append(usage)


def entering(room: bool = True, error: Exception | None = None, left: list[Usage | None] | None = None) -> Any:
    async def enter(deployment: Deployment) -> Ticket | None:
        if error is not None:
            raise error
        return Ticket([] if left is None else left) if room else None

    return enter


@pytest.mark.parametrize("stream", [False, True])
async def test_a_place_is_taken_for_each_attempt_and_left_with_its_usage(stream: bool) -> None:
    models = {"m": at("a", resilience={"retries": 1})}
    models["m"]["deployments"][0]["limits"] = {"requests_per_minute": 5}
    bench = Bench(models, Upstream(a=[[DOWN], *(STREAM if stream else OK)]))
    left: list[Usage | None] = []
    assert await bench.text(stream, hooks={"enter": entering(left=left)}) == "fine"
    assert left == [None, Usage(2, 1)]


@pytest.mark.parametrize("timeout", [None, 9])
async def test_a_report_that_cannot_be_one_settles_no_limit(timeout: float | None) -> None:
    models = {"m": at("a")}
    models["m"]["deployments"][0] |= {"limits": {"tokens_per_minute": 50}, "timeout": timeout}
    odd = (Usage(-1, 5), Usage(2**60, 1))
    whole_one = [[whole("fine", odd[0])]]
    streamed = [[piece("fine"), piece(finish="stop"), *map(usage_chunk, odd)]]
    for stream, script in ((False, whole_one), (True, streamed)):
        left: list[Usage | None] = []
        bench = Bench(models, Upstream(a=script))
        assert await bench.text(stream, hooks={"enter": entering(left=left)}) == "fine"
        assert left == [None]


async def test_without_room_the_next_is_asked_and_nothing_failed() -> None:
    models = {"m": at("a", "b", fallbacks={"rate_limit": ["s"]}), "s": at("s")}
    models["m"]["deployments"][0]["limits"] = {"requests_per_minute": 5}
    bench = Bench(models, Upstream(a=OK, b=OK, s=OK))
    assert await bench.text(hooks={"enter": entering(room=False)}) == "fine"
    assert bench.up.asked == ["b"]
    assert bench.tries() == {"passed_over": ["up/a: no room"]}
    assert bench.of("a").busy_until == 0.0
    models["m"]["deployments"].pop()
    bench = Bench(models, Upstream(a=OK, s=OK))
    assert await bench.text(hooks={"enter": entering(room=False)}) == "fine"
    assert bench.up.asked == ["s"]
    del models["m"]["fallbacks"]
    bench = Bench(models, Upstream(a=OK, s=OK))
    with pytest.raises(RateLimited, match="no room of its own"):
        await bench.text(hooks={"enter": entering(room=False)})


# ---- when everything failed


@pytest.mark.parametrize("stream", [False, True])
async def test_the_degraded_answer_is_a_proper_one(stream: bool) -> None:
    models = {"m": at("a", fallbacks={"any": ["s"], "answer": "Please ask again later."}), "s": at("s")}
    bench = Bench(models, Upstream(a=[[DOWN]], s=[[DOWN]]))
    chunks = [chunk async for chunk in bench.run(stream)]
    assert "".join(chunk.text for chunk in chunks) == "Please ask again later."
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert {chunk.model for chunk in chunks} == {"degraded"}
    assert chunks[-1].usage == Usage(0, 0)
    if not stream:
        assert chunks[0].data["choices"][0]["message"]["content"] == "Please ask again later."
    span = bench.span
    assert (span.deployment, span.response_model, span.provider) == ("degraded", "degraded", "builtin")
    assert span.attributes == {
        "routing": "degraded answer",
        "degraded": True,
        "attempt_1": "up/a: provider_unavailable",
        "attempt_2": "up/s: provider_unavailable",
        "attempts": 2,
    }


async def test_who_takes_no_degraded_answer_hears_what_went_wrong() -> None:
    bench = Bench({"m": at("a", fallbacks={"answer": "sorry"})}, Upstream(a=[[DOWN]]))
    bench.call.degradable = False
    with pytest.raises(ProviderUnavailable):
        await bench.text()
    assert "degraded" not in bench.span.attributes


async def test_a_cached_answer_goes_before_the_degraded_one() -> None:
    bench = Bench({"m": at("a", fallbacks={"answer": "sorry"})}, Upstream(a=[[DOWN]]))
    heard: list[PilothouseError] = []

    async def last(error: PilothouseError) -> list[ChatChunk] | None:
        heard.append(error)
        return [whole("from yesterday")] if len(heard) == 1 else None

    assert await bench.text(hooks={"last": last}) == "from yesterday"
    assert await bench.text(hooks={"last": last}) == "sorry"
    assert heard == [DOWN, DOWN]


async def test_an_embedding_cannot_be_degraded() -> None:
    bench = Bench({"m": at("a", fallbacks={"answer": "sorry"})}, Upstream(a=[[DOWN]]))
    request = EmbedRequest.check({"model": "m", "input": "x"})

    def provide(deployment: Deployment) -> Any:
        if deployment.id == "degraded":
            raise Unsupported("no embeddings")
        return bench.up.chat

    plan = bench.router.plan(request, bench.call)
    with pytest.raises(ProviderUnavailable):
        async for _ in bench.attempts.run(plan, request, bench.call, bench.span, provide):
            pass
