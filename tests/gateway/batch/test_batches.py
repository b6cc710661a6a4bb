"""Batches by the official `openai` client against a served platform: in our own lane, on either database."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from sqlalchemy import text
from yarl import URL

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.config import Budget, Limits
from pilothouse.settings import Settings
from pilothouse.testing import Answer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

from .batching import CHAT, House, ask, at_once, serving


@pytest.fixture
async def house(settings: Any, models_dir: Path) -> AsyncIterator[House]:
    async with (
        OpenAIServer() as upstream,
        AnthropicServer() as claude,
        serving(settings, models_dir, upstream, claude) as house,
    ):
        yield house


async def test_a_batch_of_chats(house: House) -> None:
    batch = await house.run([ask(number) for number in range(7)], metadata={"night": "1"})
    assert (batch.status, batch.metadata, batch.model) == ("completed", {"night": "1"}, "chat")
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (7, 7, 0)
    assert batch.usage is not None
    assert (batch.usage.input_tokens, batch.usage.output_tokens) == (77, 49)
    assert batch.error_file_id is None
    lines = await house.lines(batch.output_file_id)
    assert [line["custom_id"] for line in lines] == [f"item-{n}" for n in range(7)]
    first = lines[0]
    assert first["error"] is None
    assert first["response"]["status_code"] == 200
    assert first["response"]["body"]["choices"][0]["message"]["content"] == "Hello there, this is the answer."
    asked = [got.body["messages"][0]["content"] for got in house.upstream.requests]
    assert sorted(asked) == [f"question {n}" for n in range(7)]
    assert house.spent() == 7 * (11 * 100_000 + 7 * 1_000_000)
    house.platform.drainer.flush()
    traces = house.platform.traces
    spans = [span for row in traces.list(limit=50).rows for span in traces.get(row.trace_id).spans]
    assert {(s.session_id, s.endpoint) for s in spans} == {(batch.id, CHAT)}
    assert first["response"]["request_id"] in {s.request_id for s in spans}


async def test_every_endpoint(house: House) -> None:
    bodies = {
        "/v1/completions": {"prompt": "Once"},
        "/v1/embeddings": {"input": ["a", "b"], "messages": None},
        "/v1/responses": {"input": "Hello", "messages": None},
        "/v1/messages": {"messages": [{"role": "user", "content": "Hello"}]},
    }
    for endpoint, body in bodies.items():
        line = ask(1, url=endpoint)
        line["body"] = {k: v for k, v in {"model": "chat", "max_tokens": 9, **body}.items() if v is not None}
        if endpoint in ("/v1/responses", "/v1/embeddings"):
            line["body"].pop("max_tokens")
        batch = await house.run([line], endpoint)
        (answer,) = await house.lines(batch.output_file_id)
        assert answer["response"]["status_code"] == 200, endpoint
        kind = {"/v1/completions": "text_completion", "/v1/embeddings": "list", "/v1/responses": "response"}
        assert answer["response"]["body"].get("object") == kind.get(endpoint)


async def test_what_is_wrong_with_the_input_is_told_by_line(house: House) -> None:
    doubled, elsewhere, nameless, got = ask(1), ask(2, url="/v1/embeddings"), ask(3), ask(4)
    nameless.pop("custom_id")
    got["method"] = "GET"
    modelless = ask(5)
    modelless["body"].pop("model")
    good = [ask(1), doubled, elsewhere, nameless, got, modelless]
    raw = "\n".join([*map(json.dumps, good), "", "{not json", '["a list"]']).encode()
    batch = await house.run(raw)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert [(e.line, e.code, e.param) for e in batch.errors.data or ()] == [
        (2, "duplicate_custom_id", "custom_id"),
        (3, "url_mismatch", "url"),
        (4, "missing_required_parameter", "custom_id"),
        (5, "invalid_method", "method"),
        (6, "missing_required_parameter", "body.model"),
        (8, "invalid_json_line", None),
        (9, "invalid_json_line", None),
    ]
    empty = await house.run(b"\n\n")
    assert [e.code for e in (empty.errors and empty.errors.data) or ()] == ["empty_file"]
    assert not house.upstream.requests


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"endpoint": "/v1/images/generations"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"input_file_id": "file-none"}, "input_file_id"),
        ({"metadata": {"k": "v" * 600}}, "metadata[...]"),
        ({"metadata": {"anthropic-beta": "a\r\nx-api-key: b"}}, "metadata.anthropic-beta"),
        ({"metadata": {"anthropic-beta": "\u03b2"}}, "metadata.anthropic-beta"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 3600}}, "output_expires_after"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_a_batch_is_refused(standing: House, change: dict[str, Any], param: str) -> None:
    file = await standing.upload([ask(1)])
    body = {"input_file_id": file, "endpoint": CHAT, "completion_window": "24h", **change}
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as caught:
        await standing.client.batches.create(**body)
    assert caught.value.param == param


async def test_a_file_of_another_purpose_is_no_input(house: House) -> None:
    file = await house.upload([ask(1)], purpose="user_data")
    with pytest.raises(openai.BadRequestError, match="purpose 'batch'"):
        await house.client.batches.create(input_file_id=file, endpoint=CHAT, completion_window="24h")


async def test_requests_that_fail_are_in_the_error_file(house: House) -> None:
    lines = [ask(0), ask(1, "wire/x?fault=bad_request"), ask(2, "no-such"), ask(3, stream=True), ask(4, messages=[])]
    batch = await house.run(lines)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 4)
    assert [line["custom_id"] for line in await house.lines(batch.output_file_id)] == ["item-0"]
    failed = await house.lines(batch.error_file_id)
    assert [(line["custom_id"], line["response"]["status_code"], line["error"]) for line in failed] == [
        ("item-1", 400, None), ("item-2", 404, None), ("item-3", 400, None), ("item-4", 400, None),
    ]  # fmt: skip
    assert failed[2]["response"]["body"]["error"]["param"] == "stream"
    assert all(line["response"]["request_id"].startswith("req_") for line in failed)


async def test_a_provider_that_fails_for_a_moment_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(house.platform.batch_runner._own, "_sleep", no_wait)
    house.upstream.say(Answer(fault="overloaded"), Answer(fault="rate_limit", retry_after=7))
    batch = await house.run([ask(0)])
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 1
    assert waits[0] == 2.0
    assert len(house.upstream.requests) == 3


async def test_the_degraded_answer_is_not_the_result_of_a_request(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.platform.batch_runner._own, "_sleep", at_once)
    house.upstream.say(Answer(fault="overloaded"), Answer(text="after all"))
    house.upstream.default = Answer(fault="overloaded")
    batch = await house.run([ask(0, "calm")])
    assert [line["response"]["body"]["model"] for line in await house.lines(batch.output_file_id)] == ["wire-model"]
    batch = await house.run([ask(1, "calm")])
    assert (batch.status, batch.output_file_id) == ("completed", None)
    (line,) = await house.lines(batch.error_file_id)
    assert (line["response"]["status_code"], line["response"]["body"]["error"]["code"]) == (503, "provider_unavailable")
    assert len(house.upstream.requests) == 2 + 4
    live = await house.client.chat.completions.create(**ask(1, "calm")["body"])
    assert live.choices[0].message.content == "Ask again later."


async def test_batches_and_files_are_listed_in_pages(house: House) -> None:
    made = [await house.run([ask(n)]) for n in range(3)]
    listed = [batch.id async for batch in house.client.batches.list(limit=2)]
    assert listed == [batch.id for batch in reversed(made)]
    inputs = [file.id async for file in house.client.files.list(limit=2, order="asc", purpose="batch")]
    assert inputs == [batch.input_file_id for batch in made]
    with pytest.raises(openai.BadRequestError, match="'limit'"):
        await house.client.batches.list(limit=1000)
    with pytest.raises(openai.NotFoundError, match="No batch found with id 'zzz'"):
        await house.client.batches.list(after="zzz")


async def test_an_input_that_expires_before_its_batch_is_taken_up_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(house.platform.batch_runner._rooms.leases, "claim", lambda: None)
        batch = await house.create([ask(0)])
        with house.platform.store.control.begin() as connection:
            connection.execute(text("UPDATE files SET expires_us = 1"))
        with pytest.raises(openai.NotFoundError):
            await house.client.files.retrieve(batch.input_file_id)
    assert (await house.until(batch)).status == "completed"


async def test_a_batch_that_is_being_claimed_when_the_server_stops_is_let_go(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody would go on with it until its lease has run out."""
    async with (
        OpenAIServer() as upstream,
        AnthropicServer() as claude,
        serving(Settings(home=tmp_path / "home"), models_dir, upstream, claude) as house,
    ):
        leases = house.platform.batch_runner._rooms.leases
        claim, claimed, let_go = leases.claim, asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def slowly() -> Any:
            if (batch := claim()) is not None:
                loop.call_soon_threadsafe(claimed.set)
                let_go.wait(20)
            return batch

        monkeypatch.setattr(leases, "claim", slowly)
        await house.create([ask(0)])
        await asyncio.wait_for(claimed.wait(), 20)
        stopping = asyncio.create_task(house.platform.wind_down())
        for _ in range(5):  # the runner has heard of it
            await asyncio.sleep(0)
        let_go.set()
        await stopping
        assert claim() is not None


async def test_what_no_database_takes_as_text_is_no_fault_of_ours(house: House) -> None:
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {house.key}"}) as http:
        for path in (
            "/v1/batches/%00",
            "/v1/batches?after=%00",
            "/v1/batches?after=batch_%00",
            "/v1/files/%00",
            "/v1/files/%00/content",
            "/v1/files?after=%00",
            "/v1/files?purpose=%00",
            "/v1/messages/batches/msgbatch_%00",
            "/v1/messages/batches?after_id=msgbatch_%00",
            "/v1/messages/batches?before_id=msgbatch_%00",
        ):
            async with http.get(URL(house.address + path, encoded=True)) as answer:
                assert answer.status in (400, 404), (path, await answer.text())


async def test_a_model_that_no_database_takes_as_text_is_none(house: House) -> None:
    batch = await house.run([ask(0), ask(1, "chat\0")])
    assert batch.status == "failed"
    errors = (batch.errors and batch.errors.data) or ()
    assert [(e.line, e.code, e.param) for e in errors] == [(2, "missing_required_parameter", "body.model")]


async def test_another_project_sees_nothing(house: House) -> None:
    batch = await house.run([ask(0)])
    platform = house.platform
    platform.tenants.create("project", "other", TenantSettings(name="Other"), parent="default")
    secret, _ = platform.keys.create("k", "caller", KeySettings(project_id="other"))
    other = house.client.with_options(api_key=secret)
    with pytest.raises(openai.NotFoundError):
        await other.batches.retrieve(batch.id)
    with pytest.raises(openai.NotFoundError):
        await other.files.content(batch.output_file_id or "")
    with pytest.raises(openai.NotFoundError):
        await other.batches.create(input_file_id=batch.input_file_id, endpoint=CHAT, completion_window="24h")
    assert [b async for b in other.batches.list()] == []


async def test_a_batch_that_is_cancelled_keeps_what_is_done(house: House) -> None:
    house.upstream.say(Answer(text="done"))
    house.upstream.default = Answer(fault="hang")
    batch = await house.create([ask(n) for n in range(30)])
    await house.until_done(batch, 1)
    async with asyncio.timeout(20):
        while len(house.upstream.requests) < 1 + 4:
            await house.client.batches.retrieve(batch.id)
    with pytest.raises(openai.ConflictError, match="still reads this file"):
        await house.client.files.delete(batch.input_file_id)
    stopping = await house.client.batches.cancel(batch.id)
    assert stopping.status == "cancelling"
    batch = await house.until(stopping)
    assert batch.status == "cancelled"
    assert batch.cancelled_at is not None
    assert [line["custom_id"] for line in await house.lines(batch.output_file_id)] == ["item-0"]
    assert len(house.upstream.requests) == 1 + 4  # no more than the four at once were asked
    with pytest.raises(openai.ConflictError):
        await house.client.batches.cancel(batch.id)
    await house.client.files.delete(batch.input_file_id)


async def test_nothing_begins_while_live_traffic_is_above_its_mark(house: House) -> None:
    gate = house.platform.batch_runner.gate
    live = gate._live
    gate._live = lambda: 33
    batch = await house.until(await house.create([ask(n) for n in range(3)]), "in_progress")
    for _ in range(5):
        await house.client.batches.retrieve(batch.id)
    assert not house.upstream.requests
    gate._live = live
    assert (await house.until(batch)).status == "completed"


async def test_a_key_that_is_revoked_stops_its_batch(house: House) -> None:
    secret, principal = house.platform.keys.create("k", "caller")
    gate = house.platform.batch_runner.gate
    live = gate._live
    gate._live = lambda: 33
    boss, house.client = house.client, house.client.with_options(api_key=secret)
    batch = await house.create([ask(n) for n in range(9)])
    house.client = boss
    await house.until(batch, "in_progress")
    house.platform.keys.revoke(principal.key_id)
    gate._live = live
    batch = await house.until(batch)
    assert batch.status == "failed"
    assert [e.code for e in (batch.errors and batch.errors.data) or ()] == ["invalid_api_key"]
    assert not house.upstream.requests


async def test_a_limit_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    class Ahead:
        @staticmethod
        def monotonic() -> float:
            return time.monotonic() + sum(waited)

    monkeypatch.setattr(house.platform.batch_runner._own, "_sleep", wait)
    monkeypatch.setattr("pilothouse.gateway.batch.own.time", Ahead)
    secret, _ = house.platform.keys.create("k", "caller", KeySettings(limits=Limits(parallel=1)))
    house.client = house.client.with_options(api_key=secret)
    batch = await house.run([ask(n) for n in range(6)])
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (6, 0)
    assert waited
    assert max(waited) <= 1.0


async def test_one_request_that_may_cost_too_much_fails_alone(house: House) -> None:
    budget = Budget.model_validate({"usd": "1", "period": "total"})
    secret, _ = house.platform.keys.create("k", "caller", KeySettings(budgets=[budget]))
    house.client = house.client.with_options(api_key=secret)
    batch = await house.run([ask(n, max_tokens=1_000_000 if n in (0, 2) else 20) for n in range(5)])
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (3, 2)
    lines = await house.lines(batch.error_file_id)
    assert [line["error"]["code"] for line in lines] == ["insufficient_quota"] * 2
    assert sorted(line["custom_id"] for line in lines) == ["item-0", "item-2"]


async def test_a_budget_that_is_spent_ends_the_rest(house: House) -> None:
    one = 11 * 100_000 + 7 * 1_000_000  # nano-USD that an answer costs; what it may cost at most is about 30 million
    budget = Budget.model_validate({"usd": f"{40 * 1_000_000 / 1e9}", "period": "total"})
    secret, _ = house.platform.keys.create("k", "caller", KeySettings(budgets=[budget]))
    house.client = house.client.with_options(api_key=secret)
    batch = await house.run([ask(n) for n in range(12)])
    assert batch.status == "completed"
    assert batch.request_counts is not None
    done, failed = batch.request_counts.completed, batch.request_counts.failed
    assert done + failed == 12
    assert 1 <= done <= 5
    assert failed
    assert [e.code for e in (batch.errors and batch.errors.data) or ()] == ["insufficient_quota"]
    for line in await house.lines(batch.error_file_id):
        assert line["response"] is None
        assert line["error"]["code"] == "insufficient_quota"
    assert house.spent() == done * one
