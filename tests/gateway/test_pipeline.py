import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pilothouse.access.budgets import Budgets
from pilothouse.call import Call, Progress, Span
from pilothouse.config import Config
from pilothouse.errors import (
    Forbidden,
    Overloaded,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    StorageError,
    TooManyRequests,
    UnknownModel,
    Unsupported,
)
from pilothouse.gateway import Router, visit
from pilothouse.gateway.meter import Meter
from pilothouse.gateway.prompting import Prompting
from pilothouse.gateway.runtime import Runtime
from pilothouse.observe.costs.charges import of_span
from pilothouse.observe.prompt_calls import COLUMNS, row_of
from pilothouse.principal import Policy, Principal
from pilothouse.prompts.book import Book
from pilothouse.prompts.content import content_of
from pilothouse.prompts.versions import Version
from pilothouse.snapshot import Snapshot
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Usage

from .conftest import Make, gateway_of
from .scripted import Recording, Scripted, piece, usage_chunk, whole


def ask(stream: bool = False, **more: object) -> ChatRequest:
    return ChatRequest.check(
        {"model": "m", "messages": [{"role": "user", "content": "12345678"}], "stream": stream, **more}
    )


async def collect(gateway: object, request: ChatRequest, call: Call) -> list[ChatChunk]:
    return [chunk async for chunk in gateway.chat(request, call)]  # type: ignore[attr-defined]


async def test_a_json_answer_is_a_stream_of_one(make_gateway: Make, call: Call, recording: Recording) -> None:
    provider = Scripted(whole("hello", Usage(5, 2)))
    chunks = await collect(make_gateway(a=provider), ask(seed=7), call)
    assert [c.text for c in chunks] == ["hello"]
    assert provider.requests[0].body["seed"] == 7
    assert provider.requests[0].model == "a-model"
    (span,) = recording.spans
    assert (span.operation, span.request_model, span.deployment) == ("chat", "m", "a/a-model")
    assert span.usage == Usage(5, 2)
    assert span.ttft_us is not None
    assert span.versions.keys() == {"snapshot", "deployment"}
    assert span.output is not None
    assert span.output["choices"][0]["message"]["content"] == "hello"


async def test_the_price_comes_from_the_provider_and_an_unknown_one_is_unknown(
    make_gateway: Make, recording: Recording
) -> None:
    gateway = make_gateway(a=Scripted(whole("x", Usage(1000, 1000))))
    request = ask().edited(model="a/gpt-4o-mini")
    await collect(gateway, request, Call(recording))
    await collect(gateway, ask(), Call(recording))
    priced, unknown = recording.spans
    assert priced.cost_nano == 1000 * 150 + 1000 * 600  # USD 0.15 and 0.60 per million tokens
    assert priced.cost_known
    assert unknown.cost_nano is None
    assert not unknown.cost_known


@pytest.mark.parametrize("stream", [False, True])
async def test_the_answer_names_its_model_and_so_its_price(
    make_gateway: Make, call: Call, recording: Recording, stream: bool
) -> None:
    named = "gpt-4o-mini-2024-07-18"
    if stream:
        pieces = [piece(), piece("x"), piece(finish="stop"), usage_chunk(Usage(1000, 1000))]
        steps = [replace(step, model=model) for step, model in zip(pieces, ["", named, named, None], strict=True)]
    else:
        steps = [replace(whole("x", Usage(1000, 1000)), model=named)]
    await collect(make_gateway(a=Scripted(*steps)), ask(stream=stream), call)
    (span,) = recording.spans
    assert (span.request_model, span.deployment, span.response_model) == ("m", "a/a-model", named)
    assert span.cost_nano == 1000 * 150 + 1000 * 600


async def test_a_deployment_of_known_price_costs_that_whatever_the_answer_says(
    make_gateway: Make, call: Call, recording: Recording
) -> None:
    request = ask().edited(model="a/gpt-4o-mini")
    await collect(make_gateway(a=Scripted(replace(whole("x", Usage(1000, 0)), model="gpt-4o" * 100))), request, call)
    (span,) = recording.spans
    assert span.cost_nano == 1000 * 150
    assert span.response_model == ("gpt-4o" * 100)[:256]


async def test_without_a_name_the_deployments_model_answered(
    make_gateway: Make, call: Call, recording: Recording
) -> None:
    await collect(make_gateway(a=Scripted(whole("x"))), ask(), call)
    assert recording.spans[0].response_model == "a-model"


async def test_a_stream_counts_text_tools_and_usage(make_gateway: Make, call: Call, recording: Recording) -> None:
    first = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": '{"a"'}}
    second = {"index": 0, "function": {"arguments": ": 1}"}}
    provider = Scripted(
        piece("he"), piece("llo"), piece(tool_calls=[first]), piece(tool_calls=[second]),
        piece(finish="tool_calls"), usage_chunk(Usage(9, 4, cached_tokens=3)),
    )  # fmt: skip
    await collect(make_gateway(a=provider), ask(stream=True), call)
    (span,) = recording.spans
    assert span.usage == Usage(9, 4, cached_tokens=3)
    assert span.output is not None
    message = span.output["choices"][0]["message"]
    assert message["content"] == "hello"
    assert message["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"a": 1}'}
    assert span.attributes["gen_ai.response.finish_reasons"] == ["tool_calls"]


async def test_missing_usage_is_estimated_and_says_so_but_zero_is_a_figure(
    make_gateway: Make, recording: Recording
) -> None:
    await collect(make_gateway(a=Scripted(whole("x" * 40))), ask(), Call(recording))
    await collect(make_gateway(a=Scripted(whole("x" * 40, Usage(0, 0)))), ask(), Call(recording))
    estimated, zero = recording.spans
    assert estimated.usage == Usage(6, 10, estimated=True)
    assert zero.usage == Usage(0, 0)


async def test_a_caller_who_leaves_closes_the_provider_and_pays_for_what_came(
    make_gateway: Make, call: Call, recording: Recording
) -> None:
    provider = Scripted(piece("word "), piece("word "), asyncio.Event())
    async with aclosing(make_gateway(a=provider).chat(ask(stream=True), call)) as chunks:
        await anext(chunks)
        await anext(chunks)
    assert provider.closed == 1
    (span,) = recording.spans
    assert span.status == "cancelled"
    assert span.usage == Usage(6, 3, estimated=True)
    assert span.output is not None
    assert span.output["choices"][0]["message"]["content"] == "word word "


async def test_cancelling_the_task_does_the_same(make_gateway: Make, call: Call, recording: Recording) -> None:
    provider = Scripted(piece("one"), never := asyncio.Event())
    task = asyncio.create_task(collect(make_gateway(a=provider), ask(stream=True), call))
    await asyncio.wait_for(provider.asked.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not never.is_set()
    assert provider.closed == 1
    assert recording.spans[0].status == "cancelled"


async def test_a_retryable_failure_moves_on_before_the_first_chunk(
    make_gateway: Make, call: Call, recording: Recording
) -> None:
    busy, good = Scripted(RateLimited("busy", provider="a")), Scripted(whole("fine", Usage(1, 1)))
    chunks = await collect(make_gateway(a=busy, b=good), ask(), call)
    assert chunks[0].text == "fine"
    (span,) = recording.spans
    assert span.deployment == "b/b-model"
    assert span.attributes["attempt_1"] == "a/a-model: rate_limit_exceeded"
    assert span.attributes["attempts"] == 2
    assert span.status == "ok"


async def test_the_provider_never_changes_after_the_first_chunk(
    make_gateway: Make, call: Call, recording: Recording
) -> None:
    broken = Scripted(piece("half"), ProviderUnavailable("gone", provider="a"))
    spare = Scripted(piece("other"))
    with pytest.raises(ProviderUnavailable):
        await collect(make_gateway(a=broken, b=spare), ask(stream=True), call)
    assert not spare.requests
    assert recording.spans[0].status == "error"
    assert recording.spans[0].usage == Usage(6, 1, estimated=True)


async def test_what_another_attempt_cannot_mend_is_raised_at_once(make_gateway: Make, call: Call) -> None:
    spare = Scripted(whole("x"))
    with pytest.raises(ProviderRejected):
        await collect(make_gateway(a=Scripted(ProviderRejected("no")), b=spare), ask(), call)
    assert not spare.requests


async def test_the_last_failure_is_raised_when_all_fail(make_gateway: Make, call: Call, recording: Recording) -> None:
    gateway = make_gateway(a=Scripted(RateLimited("first")), b=Scripted(ProviderUnavailable("second")))
    with pytest.raises(ProviderUnavailable, match="second"):
        await collect(gateway, ask(), call)
    span = recording.spans[0]
    assert span.usage is None
    assert span.cost_nano is None


async def test_an_unknown_model_is_recorded_too(make_gateway: Make, call: Call, recording: Recording) -> None:
    with pytest.raises(UnknownModel):
        await collect(make_gateway(a=Scripted()), ask().edited(model="nope"), call)
    assert recording.spans[0].error_code == "model_not_found"


async def test_embeddings_go_the_same_way(make_gateway: Make, call: Call, recording: Recording) -> None:
    gateway = make_gateway(a=Scripted(RateLimited("busy")), b=Scripted())
    answer = await gateway.embed(EmbedRequest.check({"model": "m", "input": "text"}), call)
    assert answer.usage == Usage(input_tokens=3)
    (span,) = recording.spans
    assert (span.kind, span.deployment) == ("embedding", "b/b-model")
    assert span.versions["embedder"] == "b/b-model"
    with pytest.raises(Unsupported, match="no embeddings"):
        await make_gateway(a=Scripted(operations={"chat"})).embed(
            EmbedRequest.check({"model": "m", "input": "text"}), call
        )


async def test_text_completions_are_bridged_over_chat(make_gateway: Make, call: Call, recording: Recording) -> None:
    provider = Scripted(whole("four", Usage(1, 1)))
    request = ChatRequest.check({"model": "m", "prompt": ["two and two"], "max_tokens": 5}, "text_completion")
    (chunk,) = await collect(make_gateway(a=provider), request, call)
    assert provider.requests[0].messages == [{"role": "user", "content": "two and two"}]
    assert "prompt" not in provider.requests[0].body
    assert chunk.data["object"] == "text_completion"
    assert chunk.data["choices"] == [{"index": 0, "text": "four", "logprobs": None, "finish_reason": "stop"}]
    assert chunk.data["id"] == "cmpl-1"
    for field in ({"echo": True}, {"suffix": "x"}, {"prompt": ["a", "b"]}):
        with pytest.raises(Unsupported) as caught:
            await collect(make_gateway(a=provider), ChatRequest({**request.body, **field}, "text_completion"), call)
        assert caught.value.param in field


ODD_TOOLS = (
    [{"index": "a", "id": 1}, {"index": 1}],
    [{"index": [1], "function": {"name": {}, "arguments": {"a": 1}}}],
    [{"index": 0, "function": "f"}, "x", None],
    "abc",
    {"a": 1},
)


@pytest.mark.parametrize("odd", ODD_TOOLS)
async def test_tool_calls_out_of_shape_are_passed_on_and_hold_up_nothing(
    make_gateway: Make, call: Call, recording: Recording, odd: object
) -> None:
    provider = Scripted(piece("so"), piece(tool_calls=odd), piece(tool_calls=odd), piece(finish="stop"))
    chunks = await collect(make_gateway(a=provider), ask(stream=True), call)
    assert [chunk.raw for chunk in chunks] == [step.raw for step in provider.steps]  # type: ignore[union-attr]
    (span,) = recording.spans
    assert (span.status, span.output is not None) == ("ok", True)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("odd", [b'"\xff"', b"1e999", b"[" * 5000 + b"]" * 5000])
async def test_what_nobody_can_read_beside_the_answer_is_passed_on(
    recording: Recording, stream: bool, odd: bytes
) -> None:
    model = {"deployments": [{"provider": "a", "model": "x"}], **CACHED}
    config = Config.model_validate({"providers": {"a": {"kind": "openai"}}, "models": {"m": model}})
    steps = (piece("so"), piece(tool_calls=[]), piece(finish="stop")) if stream else (whole("so"),)
    sent = [replace(step, raw=step.raw[:-1] + b',"x":' + odd + b"}") for step in steps]
    provider: Any = Scripted(*sent)
    gateway = gateway_of(config, {"a": provider})
    for _ in range(2):
        chunks = await collect(gateway, ask(stream), Call(recording))
        assert [chunk.raw for chunk in chunks] == [chunk.raw for chunk in sent]
    for span in recording.spans:
        assert span.output is not None
        assert span.output["choices"][0]["message"]["content"] == "so"


async def test_a_failure_while_the_answer_is_kept_leaves_nothing_held(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = {"deployments": [{"provider": "a", "model": "x"}], "limits": {"parallel": 1}}
    config = Config.model_validate({"providers": {"a": {"kind": "openai"}}, "models": {"m": model}})
    provider: Any = Scripted(whole("x"))
    gateway = gateway_of(config, {"a": provider})
    with monkeypatch.context() as patch:
        patch.setattr(Meter, "output", lambda _: {}[0])
        with pytest.raises(KeyError):
            await collect(gateway, ask(), Call(recording))
    assert len(recording.spans) == 1
    assert len(await collect(gateway, ask(), Call(recording))) == 1  # its place came free


CACHED = {"exact_cache": {"ttl": 60}, "resilience": {"retries": 0, "failures": 100, "error_share": 1.0}}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_degraded_answer_is_not_kept(recording: Recording, stream: bool) -> None:
    model = {"deployments": [{"provider": "a", "model": "x"}], "fallbacks": {"answer": "Later."}, **CACHED}
    config = Config.model_validate({"providers": {"a": {"kind": "openai"}}, "models": {"m": model}})
    provider: Any = Scripted(ProviderUnavailable("down"))
    gateway = gateway_of(config, {"a": provider})
    assert "".join([c.text for c in await collect(gateway, ask(stream), Call(recording))]) == "Later."
    provider.steps = (piece("back", "stop"),) if stream else (whole("back"),)
    assert "".join([c.text for c in await collect(gateway, ask(stream), Call(recording))]) == "back"


async def test_callers_whom_other_deployments_answer_share_no_answers(recording: Recording) -> None:
    deployments = [{"provider": tier, "model": "x", "when": {"metadata": {"tier": tier}}} for tier in ("gold", "free")]
    providers: dict[str, Any] = {tier: Scripted(whole(tier)) for tier in ("gold", "free")}
    config = Config.model_validate(
        {
            "providers": {tier: {"kind": "openai"} for tier in providers},
            "models": {"m": {"deployments": deployments, **CACHED}},
        }
    )
    gateway = gateway_of(config, providers)
    for tier in ("gold", "free", "gold", "free"):
        (chunk,) = await collect(gateway, ask(), Call(recording, metadata={"tier": tier}))
        assert chunk.text == tier
    assert [len(provider.requests) for provider in providers.values()] == [1, 1]


async def test_a_provider_that_moved_gives_no_answers_of_its_old_address(recording: Recording) -> None:
    def configured(address: str, key: str = "a") -> Config:
        provider = {"kind": "openai", "base_url": address, "api_key": key}
        model = {"deployments": [{"provider": "a", "model": "x"}], **CACHED}
        return Config.model_validate({"providers": {"a": provider}, "models": {"m": model}})

    provider = Scripted(whole("x"))
    providers: dict[str, Any] = {"a": provider}
    gateway = gateway_of(configured("http://one/v1"), providers)
    for config in (configured("http://one/v1", "b"), configured("http://two/v1")):
        snapshot = Snapshot(2, config)
        await collect(gateway, ask(), Call(recording))
        assert len(provider.requests) == 1
        gateway.runtime = Runtime(snapshot, providers, Router(snapshot, providers))
    await collect(gateway, ask(), Call(recording))
    assert len(provider.requests) == 2


async def test_a_call_whose_budget_cannot_be_looked_up_takes_nothing_from_limits(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = {"deployments": [{"provider": "a", "model": "x"}], "limits": {"requests_per_minute": 1}}
    config = Config.model_validate({"providers": {"a": {"kind": "openai"}}, "models": {"m": model}})
    provider: Any = Scripted(whole("x"))
    gateway = gateway_of(config, {"a": provider})
    with monkeypatch.context() as patch:
        patch.setattr(Budgets, "reserve", AsyncMock(side_effect=StorageError("away")))
        with pytest.raises(StorageError):
            await collect(gateway, ask(), Call(recording))
    assert len(await collect(gateway, ask(), Call(recording))) == 1


async def test_a_hedge_that_cannot_be_recorded_costs_nobody_the_answer() -> None:
    class Full(Recording):
        def record(self, record: Any) -> None:
            if isinstance(record, Span) and record.name.startswith("hedge"):
                raise Overloaded("the spool is full")
            super().record(record)

    providers: dict[str, Any] = {"a": Scripted(asyncio.Event()), "b": Scripted(whole("b"))}
    deployments = [{"provider": name, "model": "x", "weight": 1e6 if name == "a" else 1e-6} for name in providers]
    model = {"deployments": deployments, "hedge": {"after": 0.01, "share": 1.0}}
    config = Config.model_validate(
        {"providers": {name: {"kind": "openai"} for name in providers}, "models": {"m": model}}
    )
    full = Full()
    (chunk,) = await collect(gateway_of(config, providers), ask(), Call(full))
    assert chunk.text == "b"
    assert [span.name for span in full.spans] == ["chat m"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_hedge_that_loses_pays_for_what_it_wrote(recording: Recording, stream: bool) -> None:
    go = asyncio.Event()
    first = piece("a" * 400) if stream else whole("a" * 400, Usage(5, 90))
    second = piece("b" * 400) if stream else whole("b" * 400, Usage(5, 100))
    providers: dict[str, Any] = {"a": Scripted(go, first), "b": Scripted(go, second)}
    deployments = [{"provider": name, "model": "x", "weight": 1e6 if name == "a" else 1e-6} for name in providers]
    config = Config.model_validate(
        {
            "providers": {name: {"kind": "openai"} for name in providers},
            "models": {"m": {"deployments": deployments, "hedge": {"after": 0.01, "share": 1.0}}},
            "prices": [{"provider": "scripted", "model": "x", "input": 1, "output": 2}],
        }
    )
    answer = asyncio.create_task(collect(gateway_of(config, providers), ask(stream), Call(recording)))
    await asyncio.wait_for(providers["b"].asked.wait(), 30)
    go.set()
    assert "".join(chunk.text for chunk in await answer) == "a" * 400
    hedge, served = recording.spans
    assert (hedge.name, hedge.status, served.deployment) == ("hedge b/x", "cancelled", "a/x")
    read = 6 if stream else 5  # as the answer itself: the provider's own figures, else an estimate
    assert hedge.usage == Usage(read, 100, estimated=stream)
    assert hedge.cost_nano == read * 1000 + 100 * 2000


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("failed_before", [False, True])
async def test_who_leaves_before_the_answer_begins_pays_for_what_was_read(
    make_gateway: Make, call: Call, recording: Recording, stream: bool, failed_before: bool
) -> None:
    waiting = Scripted(asyncio.Event())
    providers = {"z": Scripted(ProviderUnavailable("down"))} if failed_before else {}
    task = asyncio.create_task(collect(make_gateway(**providers, a=waiting), ask(stream), call))
    await asyncio.wait_for(waiting.asked.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = recording.spans
    assert span.usage == (None if failed_before else Usage(6, 0, estimated=True))


async def test_an_answer_past_its_time_counts_no_tokens(recording: Recording) -> None:
    model = {"deployments": [{"provider": "a", "model": "x"}], "fallbacks": {"cached": True}, **CACHED}
    model["exact_cache"] = {"ttl": 1e-6}
    config = Config.model_validate({"providers": {"a": {"kind": "openai"}}, "models": {"m": model}})
    provider: Any = Scripted(whole("old", Usage(5, 2)))
    gateway = gateway_of(config, {"a": provider})
    await collect(gateway, ask(), Call(recording))
    provider.steps = (ProviderUnavailable("down"),)
    (chunk,) = await collect(gateway, ask(), Call(recording))
    made, stale = recording.spans
    assert (chunk.text, stale.attributes["stale"], stale.usage) == ("old", True, Usage(5, 2))
    assert [(of_span(span).nano, of_span(span).input_tokens) for span in (made, stale)] == [(None, 5), (0, 0)]


class Corpora(Scripted):
    """A provider that answers from what it keeps."""

    held = "1"

    async def version(self, model: str, call: Call) -> str:
        if not self.held:
            raise StorageError("The corpus cannot be read.")
        return f"{model}@{self.held}"


async def test_a_kept_answer_of_a_corpus_is_not_given_after_the_corpus_changed(recording: Recording) -> None:
    provider = Corpora(whole("hello"))
    models = {"m": {"deployments": [{"provider": "rag", "model": "docs"}], "exact_cache": {}}}
    gateway = gateway_of(Config.model_validate({"models": models}), {"rag": provider, "builtin": Scripted()})

    async def asked() -> int:
        await collect(gateway, ask(), Call(recording))
        return len(provider.requests)

    assert [await asked(), await asked()] == [1, 1]
    provider.held = "2"
    assert [await asked(), await asked()] == [2, 2]
    provider.held = ""
    assert [await asked(), await asked()] == [3, 4]
    provider.held = "2"
    assert await asked() == 4


@pytest.mark.parametrize(("price", "cost"), [("1", 9000 * 2), (None, None)])
async def test_what_a_corpus_asks_of_models_is_the_cost_of_the_prompt_that_asked_it(
    recording: Recording, price: str | None, cost: int | None
) -> None:
    """Its span bills nothing itself, since its models have spans of their own."""

    class Twice(Corpora):
        async def chat(self, request: ChatRequest, call: Call) -> AsyncIterator[ChatChunk]:
            for _ in range(2):
                chunks = await collect(gateway, request.edited(model="small"), call)
            yield chunks[-1]

    prices = [] if price is None else [{"provider": "scripted", "model": "x", "input": price, "output": price}]
    models = {
        "m": {"deployments": [{"provider": "rag", "model": "docs"}]},
        "small": {"deployments": [{"provider": "a", "model": "x"}]},
    }
    config = Config.model_validate({"providers": {"a": {"kind": "openai"}}, "models": models, "prices": prices})
    gateway = gateway_of(config, {"rag": Twice(), "a": Scripted(whole("hello", Usage(5, 4)))})
    content = content_of({"template": "Hello?", "model": "m"})
    version = Version("default", "p", 1, content, content.hash, "", "", 0)
    shelf: Any = SimpleNamespace(get=lambda *_, **__: version)
    gateway.prompting = Prompting(Book(shelf))
    await collect(gateway, ChatRequest.check({"prompt": {"name": "p"}}), Call(recording))
    first, second, whole_of_it = recording.spans
    assert [span.cost_nano for span in (first, second, whole_of_it)] == [price and 9000, price and 9000, None]
    rows = [row_of(span) for span in recording.spans]
    assert rows[:2] == [None, None]
    assert dict(zip(COLUMNS, rows[2] or (), strict=True))["cost_nano"] == cost


@pytest.mark.parametrize(("every", "noted"), [(0.0, [1, 2, 3]), (3600.0, [])])
async def test_a_slow_stream_notes_how_far_it_came(
    make_gateway: Make,
    call: Call,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
    every: float,
    noted: list[int],
) -> None:
    """What a killed process would be charged at."""
    monkeypatch.setattr(visit, "_PROGRESS_SECONDS", every)
    await collect(make_gateway(a=Scripted(piece("a"), piece("b"), piece("c"), piece(finish="stop"))), ask(True), call)
    assert [note.output_tokens for note in recording.reserved if isinstance(note, Progress)] == noted


async def test_a_key_for_an_alias_names_no_other_model_to_its_vendor_either(
    make_gateway: Make, recording: Recording
) -> None:
    provider = Scripted(whole("x"))
    call = Call(recording, Principal("default", "k", "caller", policy=Policy(models=("m",))))
    with pytest.raises(Forbidden, match="'dear'"):
        await collect(make_gateway(a=provider), ask(models=["m", "dear"]), call)
    assert provider.requests == []


@pytest.mark.parametrize("asked", [{"max_tokens": -1}, {"max_tokens": 0}, {"max_tokens": 40, "n": 5}])
async def test_a_limit_of_tokens_is_asked_for_all_that_may_be_written(
    recording: Recording, asked: dict[str, int]
) -> None:
    model = {"deployments": [{"provider": "a", "model": "x"}], "limits": {"tokens_per_minute": 300}}
    config = Config.model_validate({"providers": {"a": {"kind": "openai"}}, "models": {"m": model}})
    provider: Any = Scripted(asyncio.Event())
    gateway = gateway_of(config, {"a": provider})
    running = asyncio.create_task(collect(gateway, ask(**asked), Call(recording)))
    await asyncio.wait_for(provider.asked.wait(), 30)
    with pytest.raises(TooManyRequests):
        async with asyncio.timeout(30):
            await collect(gateway, ask(**asked), Call(recording))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
