"""`/v1/messages/batches` by the official `anthropic` client against a served platform, on either database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any

import aiohttp
import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types.messages import MessageBatch
from sqlalchemy import text
from yarl import URL

from pilothouse.access.shapes import KeySettings, PolicyRules, TenantSettings
from pilothouse.config import Budget
from pilothouse.errors import StorageError
from pilothouse.storage.files import FileWriter
from pilothouse.testing import Answer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

from .batching import House, ask, at_once, serving

TEXT = "Hello there, this is the answer."
ONE = 11 * 100_000 + 7 * 1_000_000  # nano-USD that a live answer costs


@pytest.fixture
async def house(settings: Any, models_dir: Path) -> AsyncIterator[House]:
    async with (
        OpenAIServer() as upstream,
        AnthropicServer() as claude,
        serving(settings, models_dir, upstream, claude) as house,
    ):
        yield house


@pytest.fixture
async def client(house: House) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=house.address, api_key=house.key, max_retries=0) as client:
        yield client


def message(number: int, model: str = "chat", **params: Any) -> Any:
    asked = {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": f"question {number}"}]}
    return {"custom_id": f"item-{number}", "params": {**asked, **params}}


async def until_ended(client: AsyncAnthropic, batch: MessageBatch, seconds: float = 20) -> MessageBatch:
    """As a client polls."""
    async with asyncio.timeout(seconds):
        while batch.processing_status != "ended":
            await asyncio.sleep(0.02)
            batch = await client.messages.batches.retrieve(batch.id)
    return batch


async def run(client: AsyncAnthropic, requests: list[Any], **more: Any) -> MessageBatch:
    return await until_ended(client, await client.messages.batches.create(requests=requests, **more))


async def results(client: AsyncAnthropic, batch: MessageBatch) -> dict[str, Any]:
    return {one.custom_id: one.result async for one in await client.messages.batches.results(batch.id)}


def files_of(house: House) -> int:
    """Files and parts of files, seen or not."""
    with house.platform.store.control.connect() as connection:
        return sum(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in ("files", "file_parts"))


async def test_from_creation_to_results(house: House, client: AsyncAnthropic) -> None:
    made = await client.messages.batches.create(requests=[message(n) for n in range(5)])
    assert made.id.startswith("msgbatch_")
    assert (made.processing_status, made.request_counts.processing, made.results_url) == ("in_progress", 5, None)
    assert made.expires_at > made.created_at
    batch = await until_ended(client, made)
    counts = batch.request_counts
    assert (counts.processing, counts.succeeded, counts.errored, counts.canceled, counts.expired) == (0, 5, 0, 0, 0)
    assert batch.ended_at is not None
    found = await results(client, batch)
    assert list(found) == [f"item-{n}" for n in range(5)]
    first = found["item-0"]
    assert (first.type, first.message.content[0].text, first.message.usage.output_tokens) == ("succeeded", TEXT, 7)
    assert house.spent() == 5 * ONE


async def test_the_vendor_works_it_off_with_the_beta_features_asked_for(house: House, client: AsyncAnthropic) -> None:
    batch = await client.beta.messages.batches.create(
        requests=[message(n, "sonnet") for n in range(3)], betas=["context-1m-2025-08-07"]
    )
    ended = await until_ended(client, batch)  # type: ignore[arg-type] # a batch of either kind has the same fields
    assert [one.type for one in (await results(client, ended)).values()] == ["succeeded"] * 3
    (created,) = [got for got in house.claude.requests if got.method == "POST"]
    assert "context-1m-2025-08-07" in created.headers["anthropic-beta"]
    assert house.spent() == 3 * ONE // 2


async def test_beta_features_reach_anthropic_one_by_one(house: House, client: AsyncAnthropic) -> None:
    live = {"custom_id": "a", "params": message(0, "claude/claude-wire")["params"]}
    other = message(1)
    batch = await client.beta.messages.batches.create(requests=[live, other], betas=["context-1m-2025-08-07"])
    await until_ended(client, batch)  # type: ignore[arg-type] # a batch of either kind has the same fields
    assert "context-1m-2025-08-07" in house.claude.last.headers["anthropic-beta"]
    assert house.claude.last.path == "/v1/messages"


async def test_what_failed_says_why(house: House, client: AsyncAnthropic) -> None:
    house.upstream.default = Answer(fault="bad_request")
    batch = await run(client, [message(0), message(1, "no-such-model"), message(2, max_tokens=None)])
    assert (batch.request_counts.succeeded, batch.request_counts.errored) == (0, 3)
    found = await results(client, batch)
    assert {one.type for one in found.values()} == {"errored"}
    kinds = [found[f"item-{n}"].error.error.type for n in range(3)]
    assert kinds == ["invalid_request_error", "not_found_error", "invalid_request_error"]


async def test_the_degraded_answer_has_errored(
    house: House, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.platform.batch_runner._own, "_sleep", at_once)
    house.upstream.default = Answer(fault="overloaded")
    batch = await run(client, [message(0, "calm")])
    assert (batch.request_counts.succeeded, batch.request_counts.errored) == (0, 1)
    (one,) = (await results(client, batch)).values()
    assert one.error.error.type == "overloaded_error"
    assert len(house.upstream.requests) == 4


async def test_what_the_vendor_did_not_get_to_has_expired(house: House, client: AsyncAnthropic) -> None:
    house.claude.batches.outcome = "expired"
    batch = await run(client, [message(n, "sonnet") for n in range(4)])
    assert (batch.request_counts.succeeded, batch.request_counts.expired, batch.request_counts.errored) == (1, 3, 0)
    assert [one.type for one in (await results(client, batch)).values()] == ["succeeded"] + ["expired"] * 3


async def test_a_batch_that_failed_as_a_whole_says_so_for_each(house: House, client: AsyncAnthropic) -> None:
    batch = await run(client, [message(n, "nowhere") for n in range(2)])
    assert (batch.request_counts.errored, batch.request_counts.canceled) == (2, 0)
    for one in (await results(client, batch)).values():
        assert "are to run at a vendor's batch API" in one.error.error.message


async def test_cancelled_then_deleted(house: House, client: AsyncAnthropic) -> None:
    house.upstream.say(Answer(text="done"))
    house.upstream.default = Answer(fault="hang")
    batch = await client.messages.batches.create(requests=[message(n) for n in range(9)])
    file = (await house.client.batches.retrieve(batch.id.replace("msgbatch_", "batch_"))).input_file_id
    await house.until_done(await house.client.batches.retrieve(batch.id.replace("msgbatch_", "batch_")), 1)
    with pytest.raises(anthropic.BadRequestError, match="Cannot delete"):
        await client.messages.batches.delete(batch.id)
    async with (
        aiohttp.ClientSession(house.address, headers={"x-api-key": house.key}) as http,
        http.get(f"/v1/messages/batches/{batch.id}/results") as early,
    ):
        assert (early.status, (await early.json())["error"]["type"]) == (400, "invalid_request_error")
    stopping = await client.messages.batches.cancel(batch.id)
    assert stopping.processing_status == "canceling"
    assert stopping.cancel_initiated_at is not None
    batch = await until_ended(client, stopping)
    assert (batch.request_counts.succeeded, batch.request_counts.canceled) == (1, 8)
    found = await results(client, batch)
    assert [one.type for one in found.values()] == ["succeeded"] + ["canceled"] * 8
    with pytest.raises(anthropic.BadRequestError, match="Cannot cancel"):
        await client.messages.batches.cancel(batch.id)
    assert (await client.messages.batches.delete(batch.id)).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        await client.messages.batches.retrieve(batch.id)
    with pytest.raises(Exception, match="No such File"):
        await house.client.files.retrieve(file)


async def test_an_uploaded_input_outlives_its_batch(house: House, client: AsyncAnthropic) -> None:
    ended = await house.run([ask(0, url="/v1/messages")], "/v1/messages")
    identity = ended.id.replace("batch_", "msgbatch_")
    assert [one.id async for one in client.messages.batches.list()] == [identity]
    assert [one.type for one in (await results(client, await client.messages.batches.retrieve(identity))).values()]
    await client.messages.batches.delete(identity)
    await house.client.files.retrieve(ended.input_file_id)


async def test_pages_both_ways(house: House, client: AsyncAnthropic) -> None:
    await house.run([ask(0)])  # one of chats, which is not listed
    made = [(await client.messages.batches.create(requests=[message(n)])).id for n in range(3)]
    newest = made[::-1]
    assert [one.id async for one in client.messages.batches.list(limit=2)] == newest
    page = await client.messages.batches.list(limit=1, before_id=newest[2])
    assert ([one.id for one in page.data], page.has_more, page.first_id) == ([newest[1]], True, newest[1])
    with pytest.raises(anthropic.BadRequestError, match="'limit'"):
        await client.messages.batches.list(limit=2000)


@pytest.mark.parametrize(
    ("requests", "why"),
    [
        ([], "from 1 to"),
        ("all of them", "requests: Expected"),
        ([message(0), message(0)], "requests.1.custom_id: 'item-0' is used twice"),
        ([{**message(0), "custom_id": "a b"}], "requests.0.custom_id"),
        ([message(0), {"custom_id": "b"}], "requests.1: Object missing required field `params`"),
        ([{"custom_id": "a", "params": {"max_tokens": 1}}], "requests.0.params.model: the name of a model"),
        ([message(0, "")], "requests.0.params.model: the name of a model"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_a_batch_is_refused(standing: House, requests: Any, why: str) -> None:
    async with AsyncAnthropic(base_url=standing.address, api_key=standing.key, max_retries=0) as client:
        with pytest.raises(anthropic.BadRequestError) as refused:
            await client.messages.batches.create(requests=requests)
    body: Any = refused.value.body
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    assert why in body["error"]["message"]


LONE = b'{"requests": [{"custom_id": "a", "params": {"model": "m", "metadata": {"user_id": "\\ud800"}}}]}'
BAD_UTF8 = b'{"requests": [{"custom_id": "a", "params": {"model": "m", "system": "\xff"}}]}'


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "The request body is empty"),
        (b" \n", "The request body is empty"),
        (b'{"requests": [', "The request body: not valid JSON: it ends too early"),
        (b'{"requests": nope}', "The request body: not valid JSON: invalid character (byte "),
        (b'{"requests": []} x', "The request body: not valid JSON: trailing characters (byte 18)."),
        (b"null", "The request body: Expected `object`, got `null`"),
        (b'[{"requests": []}]', "The request body: Expected `object`, got `array`"),
        (b'{"requests": null}', "requests: Expected `array`, got `null`"),
        (b'{"requests": [null]}', "requests.0: Expected `object`, got `null`"),
        (b'{"requests": [{"custom_id": "a", "params": null}]}', "requests.0.params: Expected `object`, got `null`"),
        (
            b'{"requests": [{"custom_id": "a", "params": {"model": null}}]}',
            "requests.0.params.model: the name of a model",
        ),
        (b'{"requests": [{"custom_id": "a", "params": {"model": 5}}]}', "requests.0.params.model: the name of a model"),
        (b'{"requests": [{"custom_id": "a", "params": {"model": "a\\u0000"}}]}', "requests.0.params.model: the name"),
        (BAD_UTF8, "requests.0.params: a text is not valid UTF-8"),
        (LONE, "The request body: not valid JSON: unexpected end of hex escape"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_that_is_none_says_what_is_wrong_with_it(standing: House, raw: bytes, why: str) -> None:
    headers = {"x-api-key": standing.key, "content-type": "application/json"}
    async with (
        aiohttp.ClientSession(standing.address, headers=headers) as http,
        http.post("/v1/messages/batches", data=raw) as answer,
    ):
        body = await answer.json()
    assert (answer.status, body["type"], body["error"]["type"]) == (400, "error", "invalid_request_error")
    assert why in body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/messages/batches/msgbatch_none", 404),
        ("GET", "/v1/messages/batches/msgbatch_none/results", 404),
        ("POST", "/v1/messages/batches/msgbatch_none/cancel", 404),
        ("DELETE", "/v1/messages/batches/msgbatch_none", 404),
        ("GET", "/v1/messages/batches/..%2f..%2fbatches", 404),
        ("GET", "/v1/messages/batches/..%2fcount_tokens", 404),
        ("GET", "/v1/messages/batches/a/b/c", 404),
        ("GET", "/v1/messages/batches/", 404),
        ("GET", "/v1/messages/nothing", 404),
        ("PUT", "/v1/messages/batches", 405),
        ("PATCH", "/v1/messages/batches/msgbatch_none", 405),
        ("GET", "/v1/messages/batches/msgbatch_none/cancel", 405),
        ("DELETE", "/v1/messages/batches/msgbatch_none/results", 405),
        ("GET", "/v1/messages", 405),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_not_there_is_told_in_anthropics_shape(
    standing: House, method: str, path: str, status: int
) -> None:
    async with (
        aiohttp.ClientSession(headers={"x-api-key": standing.key}) as http,
        http.request(method, URL(standing.address + path, encoded=True)) as answer,
    ):
        body = await answer.json()
    kind = "not_found_error" if status == 404 else "invalid_request_error"
    assert (answer.status, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["request_id"] == answer.headers["request-id"]
    assert ("allow" in answer.headers) is (status == 405)


async def test_only_batches_of_messages_and_of_the_own_project(house: House, client: AsyncAnthropic) -> None:
    chats = await house.run([ask(0)])
    for identity in (chats.id, chats.id.replace("batch_", "msgbatch_"), "msgbatch_none"):
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.batches.retrieve(identity)
    mine = await run(client, [message(0)])
    house.platform.tenants.create("project", "other", TenantSettings(name="Other"), parent="default")
    secret, _ = house.platform.keys.create("k", "caller", KeySettings(project_id="other"))
    other = client.with_options(api_key=secret)
    for act in (other.messages.batches.retrieve, other.messages.batches.cancel, other.messages.batches.delete):
        with pytest.raises(anthropic.NotFoundError):
            await act(mine.id)
    with pytest.raises(anthropic.NotFoundError):
        await other.messages.batches.results(mine.id)
    assert [one async for one in other.messages.batches.list()] == []


async def test_a_key_without_messages_makes_no_batches_of_them(house: House, client: AsyncAnthropic) -> None:
    policy = PolicyRules.model_validate({"endpoints": ["/v1/messages/batches*"]})
    secret, _ = house.platform.keys.create("k", "caller", KeySettings(policy=policy))
    with pytest.raises(anthropic.PermissionDeniedError, match="/v1/messages"):
        await client.with_options(api_key=secret).messages.batches.create(requests=[message(0)])


async def test_a_budget_that_is_spent_ends_the_rest(house: House, client: AsyncAnthropic) -> None:
    budget = Budget.model_validate({"usd": f"{40 * 1_000_000 / 1e9}", "period": "total"})
    secret, _ = house.platform.keys.create("k", "caller", KeySettings(budgets=[budget]))
    poor = client.with_options(api_key=secret)
    batch = await run(poor, [message(n) for n in range(12)])
    done, failed = batch.request_counts.succeeded, batch.request_counts.errored
    assert done + failed == 12
    assert 1 <= done <= 5
    found = await results(poor, batch)
    assert {one.error.error.type for one in found.values() if one.type == "errored"} == {"rate_limit_error"}
    assert house.spent() == done * ONE


async def test_a_creation_that_fails_leaves_no_input(
    house: House, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **fields: Any) -> Any:
        raise StorageError("the database is away")

    monkeypatch.setattr(house.platform.batches, "create", away)
    with pytest.raises(anthropic.InternalServerError):
        await client.messages.batches.create(requests=[message(0)])
    assert files_of(house) == 0


async def test_a_client_that_leaves_while_its_batch_is_made_leaves_nothing(
    house: House, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, begun, left, over = house.platform.files.begin, asyncio.Event(), Event(), asyncio.Event()
    loop, discard, noticed = asyncio.get_running_loop(), FileWriter.discard, asyncio.Event()

    def slow(*args: Any) -> FileWriter:
        writer = begin(*args)
        loop.call_soon_threadsafe(begun.set)
        left.wait()
        return writer

    def discarded(writer: FileWriter) -> None:
        discard(writer)
        loop.call_soon_threadsafe(over.set)

    monkeypatch.setattr(house.platform.files, "begin", slow)
    monkeypatch.setattr(FileWriter, "discard", discarded)
    monkeypatch.setattr(house.platform.metrics, "request", lambda *_: noticed.set())
    creating = asyncio.create_task(client.messages.batches.create(requests=[message(0)]))
    await begun.wait()
    creating.cancel()
    async with asyncio.timeout(20):
        await noticed.wait()
        left.set()
        await over.wait()
    assert files_of(house) == 0
    assert [one async for one in client.messages.batches.list()] == []


async def test_a_creation_above_the_limit_is_refused(
    house: House, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(house.platform.snapshot.config.batch.__dict__, "max_file_bytes", 2048)
    with pytest.raises(anthropic.APIStatusError) as refused:
        await client.messages.batches.create(requests=[message(0, system="x" * 4096)])
    assert refused.value.status_code == 413
