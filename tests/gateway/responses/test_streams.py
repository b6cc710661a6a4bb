"""Streams of background responses by the official `openai` client, over two servers that share a database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.app import Platform, build
from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.gateway.responses.streams import EventLog, follow
from pilothouse.storage import Store
from pilothouse.storage.response_events import KeptEvent, ResponseEventStore
from pilothouse.storage.responses import ResponseStore, StoredResponse
from pilothouse.testing import Answer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Json

CONFIG = """
providers:
  wire: {{kind: openai, base_url: "{url}/v1", api_key: sk-test}}
  native: {{kind: openai, base_url: "{url}/v1", api_key: sk-test, options: {{responses: true}}}}
models:
  chat: {{deployments: [{{provider: wire, model: wire-model}}], resilience: {{retries: 0}}}}
  native: {{deployments: [{{provider: native, model: wire-model}}], resilience: {{retries: 0}}}}
"""
TEXT = "Hello there, this is the answer."


@dataclass
class Pair:
    """Two servers on one database, and a client of each."""

    platform: Platform
    upstream: OpenAIServer
    here: AsyncOpenAI
    there: AsyncOpenAI

    async def begin(self, model: str = "chat") -> Any:
        return await self.here.responses.create(model=model, input="Work", background=True, stream=True)

    async def again(self, response_id: str, after: int | str | None = None) -> Any:
        """The stream from the other server."""
        given: Any = {} if after is None else {"starting_after": after}
        return await self.there.responses.retrieve(response_id, stream=True, **given)


@pytest.fixture
async def pair(settings: Any) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(OpenAIServer())
        file = settings.home.parent / "pilothouse.yaml"
        file.write_text(CONFIG.format(url=upstream.url))
        platforms, clients = [], []
        for _ in range(2):
            platform = stack.enter_context(build(replace(settings, config=file, request_timeout=5.0)))
            address = await stack.enter_async_context(platform.server("127.0.0.1", 0).running())
            key = platform.keys.in_process()
            client = AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
            platforms.append(platform)
            clients.append(await stack.enter_async_context(client))
        yield Pair(platforms[0], upstream, *clients)


def said(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


@pytest.mark.parametrize("model", ["chat", "native"])
async def test_it_tells_what_a_stream_in_the_foreground_tells(pair: Pair, model: str) -> None:
    events = [event async for event in await pair.begin(model)]
    plain = [event async for event in await pair.here.responses.create(model=model, input="Work", stream=True)]
    assert [event.type for event in events] == [event.type for event in plain]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert said(events) == TEXT
    begun, last = events[0].response, events[-1].response
    assert (begun.id, begun.background, begun.status) == (last.id, True, "in_progress")
    kept = await pair.there.responses.retrieve(begun.id)
    assert (kept.status, kept.output_text, kept.created_at) == ("completed", TEXT, begun.created_at)
    assert last == kept


@pytest.mark.parametrize("model", ["chat", "native"])
async def test_who_lost_it_goes_on_at_another_server(pair: Pair, model: str) -> None:
    stream = await pair.begin(model)
    first = [await anext(stream) for _ in range(3)]
    await stream.close()
    rest = [event async for event in await pair.again(first[0].response.id, first[-1].sequence_number)]
    assert rest[0].sequence_number == 3
    assert [event.sequence_number for event in first + rest] == list(range(3 + len(rest)))
    assert said(first + rest) == TEXT
    assert rest[-1].type == "response.completed"
    whole = [event async for event in await pair.again(first[0].response.id)]
    assert [event.type for event in whole] == [event.type for event in first + rest]
    assert [event async for event in await pair.again(first[0].response.id, whole[-1].sequence_number)] == []


async def test_another_server_follows_while_it_is_made_and_cancels_it(pair: Pair) -> None:
    pair.upstream.say(Answer(fault="hang_midway"))
    stream = await pair.begin()
    begun = await anext(stream)
    other = await pair.again(begun.response.id)
    followed = [await anext(other) for _ in range(5)]
    assert followed[0] == begun
    assert TEXT.startswith(said(followed))
    assert said(followed)
    assert (await pair.there.responses.cancel(begun.response.id)).status == "cancelled"
    rest = [event async for event in other]
    assert not [event for event in rest if event.type.startswith("response.") and event.type.endswith("ed")]
    assert (await pair.here.responses.retrieve(begun.response.id)).status == "cancelled"
    assert [event async for event in stream]  # what came before, and no more


async def test_nothing_comes_after_an_event_that_there_never_was(pair: Pair) -> None:
    events = [event async for event in await pair.begin()]
    identity, last = events[0].response.id, events[-1].sequence_number
    for beyond in (last + 1, 10**30):
        with pytest.raises(openai.BadRequestError, match=f"has the number {last}: 'starting_after'") as refused:
            await pair.again(identity, beyond)
        assert refused.value.param == "starting_after"
    assert [event async for event in await pair.again(identity, last)] == []
    (ending,) = [event async for event in await pair.again(identity, f"{last - 1:020}")]
    assert ending == events[-1]


async def test_one_that_ends_before_the_event_that_was_waited_for(pair: Pair) -> None:
    pair.upstream.say(Answer(fault="hang_midway"))
    stream = await pair.begin()
    identity = (await anext(stream)).response.id
    beyond = await pair.again(identity, 1000)
    await pair.there.responses.cancel(identity)
    (told,) = [event async for event in beyond]
    assert (told.type, told.param) == ("error", "starting_after")
    assert "The last event of this response has the number " in told.message
    with pytest.raises(openai.BadRequestError, match="The last event of this response has the number "):
        await pair.again(identity, 1000)


async def test_a_failure_ends_the_stream(pair: Pair) -> None:
    pair.upstream.say(Answer(fault="error_event"))
    events = [event async for event in await pair.begin()]
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message
    assert events[-1].sequence_number == len(events) - 1
    again = [event async for event in await pair.again(events[0].response.id, 1)]
    assert again == events[2:]


async def test_one_that_failed_before_it_said_anything(pair: Pair) -> None:
    pair.upstream.say(Answer(fault="rate_limit"))
    (event,) = [event async for event in await pair.begin()]
    assert (event.type, event.response.error.code, event.sequence_number) == (
        "response.failed", "rate_limit_exceeded", 0,
    )  # fmt: skip


async def test_what_is_not_streamed_says_so(pair: Pair) -> None:
    plain = await pair.here.responses.create(model="chat", input="Work", background=True)
    with pytest.raises(openai.BadRequestError, match="'background' and 'stream'"):
        await pair.again(plain.id)
    events = [event async for event in await pair.begin()]
    with pytest.raises(openai.BadRequestError, match="'starting_after'"):
        await pair.again(events[0].response.id, -2)


async def test_another_project_hears_nothing_and_a_deleted_one_is_gone(pair: Pair) -> None:
    events = [event async for event in await pair.begin()]
    identity = events[0].response.id
    pair.platform.tenants.create("project", "other", TenantSettings(name="Other"), parent="default")
    secret, _ = pair.platform.keys.create("k", "caller", KeySettings(project_id="other"))
    with pytest.raises(openai.NotFoundError):
        await pair.here.with_options(api_key=secret).responses.retrieve(identity, stream=True)
    await pair.there.responses.delete(identity)
    with pytest.raises(openai.NotFoundError):
        await pair.again(identity)
    assert pair.platform.kept.events.last("default", identity) is None


async def test_a_stream_ends_with_the_time_of_a_request_and_the_response_goes_on(settings: Any) -> None:
    async with OpenAIServer() as upstream:
        file = settings.home.parent / "pilothouse.yaml"
        file.write_text(CONFIG.format(url=upstream.url))
        upstream.say(Answer(fault="hang_midway"))
        with build(replace(settings, config=file, request_timeout=1.0)) as platform:
            async with (
                platform.server("127.0.0.1", 0).running() as address,
                AsyncOpenAI(base_url=f"{address}/v1", api_key=platform.keys.in_process(), max_retries=0) as client,
            ):
                events = [e async for e in await client.responses.create(
                    model="chat", input="Work", background=True, stream=True
                )]  # fmt: skip
                assert events[-1].type == "error"
                assert "'starting_after'" in events[-1].message
                assert (await client.responses.retrieve(events[0].response.id)).status == "in_progress"


# ---- without a server


def running(status: str = "in_progress") -> StoredResponse:
    response: Json = {"id": "resp_1", "status": status, "output": []}
    return StoredResponse("resp_1", "m", [], response)


def event(number: int) -> KeptEvent:
    return KeptEvent(number, "x", f'{{"sequence_number":{number}}}')


async def test_a_process_that_died_leaves_a_failed_stream(store: Store) -> None:
    now = 1_000_000
    kept = ResponseStore(store.observe, clock=lambda: now)
    kept.put("default", running(), lease=30)
    kept.events.begin("default", "resp_1")
    kept.events.add("default", "resp_1", [event(0), event(1)])
    now += 31_000_000
    told = [one async for one in follow(kept, "default", "resp_1", -1, lambda: None)]
    assert [(one.number, one.name) for one in told] == [(0, "x"), (1, "x"), (2, "response.failed")]
    assert "stopped" in told[-1].data


async def test_events_just_before_the_end_are_not_missed(store: Store) -> None:
    class Late(ResponseStore):
        def get(self, project_id: str, response_id: str) -> StoredResponse:
            """As another process ends it between two looks."""
            if self.events.last(project_id, response_id) == 0:
                self.events.add(project_id, response_id, [event(1)])
                self.settle(project_id, running("completed"))
            return super().get(project_id, response_id)

    kept = Late(store.observe)
    kept.put("default", running(), lease=30)
    kept.events.begin("default", "resp_1")
    kept.events.add("default", "resp_1", [event(0)])
    told = [one.number async for one in follow(kept, "default", "resp_1", -1, lambda: None)]
    assert told == [0, 1, 2]


@pytest.mark.parametrize(("status", "final"), [("completed", 2), ("cancelled", 1)])
async def test_the_last_event_of_one_that_has_ended(store: Store, status: str, final: int) -> None:
    kept = ResponseStore(store.observe)
    kept.put("default", running(status))
    kept.events.begin("default", "resp_1")
    kept.events.add("default", "resp_1", [event(0), event(1)])
    assert [one async for one in follow(kept, "default", "resp_1", final, lambda: None)] == []
    with pytest.raises(InvalidRequest, match=f"has the number {final}:"):
        await anext(follow(kept, "default", "resp_1", final + 1, lambda: None))


async def test_one_that_was_cancelled_before_it_told_anything(store: Store) -> None:
    kept = ResponseStore(store.observe)
    kept.put("default", running("cancelled"))
    kept.events.begin("default", "resp_1")
    assert [one async for one in follow(kept, "default", "resp_1", -1, lambda: None)] == []
    with pytest.raises(InvalidRequest, match="has no events"):
        await anext(follow(kept, "default", "resp_1", 0, lambda: None))


async def test_a_response_that_is_deleted_ends_its_streams(store: Store) -> None:
    kept = ResponseStore(store.observe)
    kept.put("default", running(), lease=30)
    kept.events.begin("default", "resp_1")
    stream = follow(kept, "default", "resp_1", -1, lambda: None)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.to_thread(kept.delete, "default", "resp_1")
    with pytest.raises(NotFound):
        await asyncio.wait_for(waiting, 30)


async def test_events_that_cannot_be_written_stop_the_work(store: Store) -> None:
    class Broken(ResponseEventStore):
        def add(self, *_: Any) -> None:
            raise StorageError("The database is away.")

    log = EventLog(Broken(store.observe), "default", "resp_1")

    async def work() -> None:
        async with log:
            log.add(b"x", b"{}")
            assert log._writing is not None
            await asyncio.wait([log._writing])
            log.add(b"x", b"{}")
            raise AssertionError("the second event was taken")

    with pytest.raises(StorageError):
        await work()
