"""Batches at a vendor's own batch API: what is sent, what comes back, what it costs, and what goes wrong on the way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access.shapes import KeySettings
from pilothouse.config import Budget
from pilothouse.providers.anthropic_batch import AnthropicBatches
from pilothouse.providers.openai_batch import OpenAIBatches
from pilothouse.testing import Answer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

from .batching import House, ask, at_once, serving

ONE = (11 * 100_000 + 7 * 1_000_000) // 2
"""Nano-USD of an answer of 11 and 7 tokens at half of 100 and 1000 USD a million."""


@pytest.fixture
async def house(settings: Any, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with (
        OpenAIServer() as upstream,
        AnthropicServer() as claude,
        serving(settings, models_dir, upstream, claude) as house,
    ):
        monkeypatch.setattr(house.platform.batch_runner._vendor, "_sleep", at_once)
        yield house


def alone(house: House) -> list[Any]:
    """The calls that were made one by one."""
    return [got for got in (*house.upstream.requests, *house.claude.requests) if got.heard is not None]


async def test_openai_works_the_batch_off_at_half_the_price(house: House) -> None:
    house.upstream.batches.looks = 3
    lines = [ask(n, "cheap") for n in range(5)]
    lines[3]["body"]["model"] = "cheap"
    lines[3]["body"]["stream"] = True
    batch = await house.run(lines)
    assert batch.status == "completed"
    assert not alone(house)
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (4, 1)
    assert [line["custom_id"] for line in await house.lines(batch.output_file_id)] == [
        f"item-{n}" for n in (0, 1, 2, 4)
    ]
    (refused,) = await house.lines(batch.error_file_id)
    assert (refused["custom_id"], refused["response"]["status_code"]) == ("item-3", 400)
    (there,) = house.upstream.batches.rows.values()
    assert there["metadata"] == {"pilothouse_batch": batch.id.removeprefix("batch_")}
    sent = house.upstream.batches.files[there["input_file_id"]].splitlines()
    assert len(sent) == 4
    assert b'"model":"wire-model"' in sent[0]
    assert house.spent() == 4 * ONE
    (row,) = house.platform.traces.list(limit=10).rows
    (span,) = house.platform.traces.get(row.trace_id).spans
    assert (span.name, span.session_id, span.cost_nano, span.deployment) == (
        "batch cheap", batch.id, 4 * ONE, "vendor/wire-model",
    )  # fmt: skip
    assert span.usage is not None
    assert (span.usage.input_tokens, span.usage.output_tokens) == (44, 28)


@pytest.mark.parametrize(
    ("endpoint", "body", "kind"),
    [
        ("/v1/completions", {"prompt": "Once"}, "text_completion"),
        ("/v1/embeddings", {"input": ["a", "b"]}, "list"),
    ],
)
async def test_other_endpoints_at_openai(house: House, endpoint: str, body: dict[str, Any], kind: str) -> None:
    line = {"custom_id": "x", "method": "POST", "url": endpoint, "body": {"model": "cheap", **body}}
    batch = await house.run([line], endpoint)
    (answer,) = await house.lines(batch.output_file_id)
    assert answer["response"]["body"]["object"] == kind
    assert not alone(house)
    assert house.spent() > 0


async def test_anthropic_works_off_chats_and_messages(house: House) -> None:
    batch = await house.run([ask(n, "sonnet") for n in range(3)])
    assert batch.status == "completed"
    answers = await house.lines(batch.output_file_id)
    assert [line["custom_id"] for line in answers] == ["item-0", "item-1", "item-2"]
    body = answers[0]["response"]["body"]
    assert (body["object"], body["choices"][0]["message"]["content"]) == (
        "chat.completion", "Hello there, this is the answer.",
    )  # fmt: skip
    native = await house.run([ask(7, "sonnet", "/v1/messages")], "/v1/messages")
    (answer,) = await house.lines(native.output_file_id)
    assert answer["response"]["body"]["type"] == "message"
    assert len(house.claude.batches.rows) == 2
    assert not alone(house)
    assert house.spent() == 4 * ONE


@pytest.mark.parametrize("model", ["cheap", "sonnet"])
async def test_requests_that_the_vendor_could_not_answer(house: House, model: str) -> None:
    server = house.claude if model == "sonnet" else house.upstream
    server.say(Answer(), Answer(fault="bad_request"), Answer(fault="overloaded"))
    batch = await house.run([ask(n, model) for n in range(3)])
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 2)
    failed = await house.lines(batch.error_file_id)
    assert [line["response"]["status_code"] for line in failed] == [400, 503]
    assert house.spent() == ONE


@pytest.mark.parametrize("model", ["cheap", "sonnet"])
async def test_what_the_vendor_did_not_get_to_is_told(house: House, model: str) -> None:
    (house.claude if model == "sonnet" else house.upstream).batches.outcome = "expired"
    batch = await house.run([ask(n, model) for n in range(4)])
    assert batch.status == ("completed" if model == "sonnet" else "expired")  # at Anthropic each request expires alone
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 3)
    assert {line["error"]["code"] for line in await house.lines(batch.error_file_id)} == {"batch_expired"}


async def test_a_batch_that_the_vendor_finds_wrong_has_failed(house: House) -> None:
    house.upstream.batches.outcome = "failed"
    batch = await house.run([ask(0, "cheap")])
    assert batch.status == "failed"
    assert [e.code for e in (batch.errors and batch.errors.data) or ()] == ["model_not_found"]
    assert house.spent() == 0


@pytest.mark.parametrize("model", ["cheap", "sonnet"])
async def test_cancelling_keeps_what_was_answered(house: House, model: str) -> None:
    server = house.claude if model == "sonnet" else house.upstream
    server.batches.looks = 10**9
    batch = await house.create([ask(n, model) for n in range(3)])
    async with asyncio.timeout(20):
        while not server.batches.rows:
            batch = await house.client.batches.retrieve(batch.id)
        stopping = await house.client.batches.cancel(batch.id)
        (there,) = server.batches.rows.values()
        while "cancelling" not in there.values() and "canceling" not in there.values():  # until it has heard of it
            await house.client.batches.retrieve(batch.id)
    server.batches.looks = 0
    batch = await house.until(stopping)
    assert batch.status == "cancelled"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.total) == (1, 3)
    assert house.spent() == ONE
    (there,) = server.batches.rows.values()
    assert there.get("status") == "cancelled" or there["request_counts"]["canceled"] == 2


@pytest.mark.parametrize(("model", "api"), [("cheap", OpenAIBatches), ("sonnet", AnthropicBatches)])
async def test_cancelling_while_the_vendor_answers_its_creation(
    house: House, model: str, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = house.claude if model == "sonnet" else house.upstream
    server.batches.looks = 10**9
    on_its_way, let_go, create = asyncio.Event(), asyncio.Event(), api.create

    async def slowly(*given: Any) -> str:
        identity: str = await create(*given)
        on_its_way.set()
        await let_go.wait()
        return identity

    monkeypatch.setattr(api, "create", slowly)
    batch = await house.create([ask(n, model) for n in range(3)])
    async with asyncio.timeout(20):
        await on_its_way.wait()
        stopping = await house.client.batches.cancel(batch.id)
        let_go.set()
        (there,) = server.batches.rows.values()
        while "cancelling" not in there.values() and "canceling" not in there.values():
            await house.client.batches.retrieve(batch.id)
    server.batches.looks = 0
    batch = await house.until(stopping)
    assert (batch.status, len(server.batches.rows)) == ("cancelled", 1)
    assert house.spent() == ONE


@pytest.mark.parametrize("model", ["cheap", "sonnet"])
async def test_a_creation_whose_answer_got_lost_is_found_and_not_sent_twice(house: House, model: str) -> None:
    server = house.claude if model == "sonnet" else house.upstream
    server.batches.lost = True
    house.claude.batches.ends_when_listed = True  # it has no metadata: a batch is known by its results
    batch = await house.run([ask(n, model) for n in range(3)])
    assert batch.status == "completed"
    assert len(server.batches.rows) == 1
    assert len(await house.lines(batch.output_file_id)) == 3
    assert house.spent() == 3 * ONE


async def test_a_vendor_that_is_away_for_a_moment_is_asked_again(house: House) -> None:
    house.upstream.batches.faults.extend(["overloaded", None, "rate_limit", None, "server_error", None, "server_error"])
    batch = await house.run([ask(n, "cheap") for n in range(2)])
    assert batch.status == "completed"
    assert len(house.upstream.batches.rows) == 1
    assert house.spent() == 2 * ONE


async def test_a_batch_that_the_vendor_will_not_have_runs_here_or_fails(house: House) -> None:
    house.upstream.batches.faults.append("bad_request")
    batch = await house.run([ask(n, "cheap") for n in range(2)])
    assert batch.status == "completed"
    assert len(alone(house)) == 2
    assert house.spent() == 4 * ONE  # at the full price
    house.upstream.batches.faults.append("bad_request")
    batch = await house.run([ask(n, "forced") for n in range(2)])
    assert batch.status == "failed"
    assert [e.code for e in (batch.errors and batch.errors.data) or ()] == ["invalid_request_error"]
    assert len(alone(house)) == 2
    assert house.spent() == 4 * ONE
    assert house.platform.ledger.open_calls("default") == []  # nothing is held any more


async def test_where_a_batch_runs_is_a_setting(house: House) -> None:
    await house.run([ask(0, "kept")])
    assert not house.upstream.batches.rows
    nowhere = await house.run([ask(0, "nowhere")])
    assert nowhere.status == "failed"
    assert [e.code for e in (nowhere.errors and nowhere.errors.data) or ()] == ["unsupported"]
    mixed = await house.run([ask(0, "forced"), ask(1, "chat")])
    assert [(e.code, e.line) for e in (mixed.errors and mixed.errors.data) or ()] == [("model_mismatch", 2)]
    both = await house.run([ask(0, "cheap"), ask(1, "chat")])
    assert both.status == "completed"
    assert not house.upstream.batches.rows


async def test_a_budget_is_held_for_the_whole_batch_before_it_is_sent(house: House) -> None:
    budget = Budget.model_validate({"usd": "0.1", "period": "total"})
    secret, _ = house.platform.keys.create("k", "caller", KeySettings(budgets=[budget]))
    house.client = house.client.with_options(api_key=secret)
    batch = await house.run([ask(n, "cheap") for n in range(40)])
    assert batch.status == "failed"
    assert [e.code for e in (batch.errors and batch.errors.data) or ()] == ["insufficient_quota"]
    assert not house.upstream.batches.rows
    assert house.spent() == 0
    small = await house.run([ask(n, "cheap") for n in range(2)])
    assert small.status == "completed"
    assert house.spent() == 2 * ONE
