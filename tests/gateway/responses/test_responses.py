"""The official `openai` client's Responses API against the gateway over real HTTP, over every built-in provider."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from pydantic import BaseModel

from pilothouse.access.shapes import KeySettings
from pilothouse.app import Platform, build
from pilothouse.call import Span
from pilothouse.errors import StorageError
from pilothouse.ids import now_us
from pilothouse.settings import Settings
from pilothouse.storage.responses import ResponseStore
from pilothouse.testing import Answer, ToolCall, WireServer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.bedrock_server import ACCESS_KEY, REGION, SECRET_KEY, BedrockServer
from pilothouse.testing.cohere_server import CohereServer
from pilothouse.testing.google_server import GoogleServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Usage

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOK_UP: Any = {
    "type": "function",
    "name": "look_up",
    "description": "Looks a thing up.",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
}
EVERY = ["native", "chat", "claude", "gemini", "cohere", "bedrock"]
EACH = pytest.mark.parametrize("model", EVERY)
BRIDGED = pytest.mark.parametrize("model", EVERY[1:])


class Legs(BaseModel):
    legs: int


@dataclass
class Site:
    """A gateway, and the server of each model's vendor by the model's name."""

    address: str
    key: str
    platform: Platform
    vendors: dict[str, WireServer]
    client: AsyncOpenAI

    since: int = 0

    def spans(self) -> list[Span]:
        """Of this test."""
        self.platform.drainer.flush()
        rows = self.platform.traces.list(limit=20).rows
        spans = [span for row in rows for span in self.platform.traces.get(row.trace_id).spans]
        return [span for span in spans if span.start_us >= self.since]


def _config(vendors: dict[str, WireServer]) -> str:
    kinds = {"native": "openai", "chat": "openai", "claude": "anthropic", "gemini": "google"}
    options = {
        "native": "responses: true",
        "bedrock": f"region: {REGION}, aws_access_key_id: {ACCESS_KEY}, aws_secret_access_key: {SECRET_KEY}",
    }
    lines = ["providers:"]
    for name, server in vendors.items():
        kind = kinds.get(name, name)
        url = f"{server.url}/v1" if kind == "openai" else server.url
        key = "" if name == "bedrock" else ", api_key: sk-test"
        lines.append(f"  {name}: {{kind: {kind}, base_url: '{url}'{key}, options: {{{options.get(name, '')}}}}}")
    lines.append("models:")
    calm = "resilience: {failures: 1000, window: 0.001, backoff: 0}"  # no breaker opens from one test into another
    lines += [f"  {name}: {{deployments: [{{provider: {name}, model: wire-model}}], {calm}}}" for name in vendors]
    lines.append(f"  safe: {{deployments: [{{provider: native, model: wire-model}}], fallbacks: [chat], {calm}}}")
    routes = {
        "few": "limits: {requests_per_minute: 1}", "poor": "budgets: [{tokens: 1}]", "twice": "exact_cache: {ttl: 60}"
    }  # fmt: skip
    lines += [f"  {n}: {{deployments: [{{provider: chat, model: wire-model}}], {r}}}" for n, r in routes.items()]
    return "\n".join(lines)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    made: dict[str, WireServer] = {
        "native": OpenAIServer(), "chat": OpenAIServer(), "claude": AnthropicServer(), "gemini": GoogleServer(),
        "cohere": CohereServer(), "bedrock": BedrockServer(),
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("responses")
    async with AsyncExitStack() as stack:
        vendors = {name: await stack.enter_async_context(server) for name, server in made.items()}
        config = folder / "pilothouse.yaml"
        config.write_text(_config(vendors))
        platform = stack.enter_context(build(Settings(home=folder / "home", config=config)))
        key = platform.keys.in_process()
        address = await stack.enter_async_context(platform.server("127.0.0.1", 0).running())
        client = AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
        yield Site(address, key, platform, vendors, await stack.enter_async_context(client))


@pytest.fixture
def site(served: Site) -> Site:
    """One platform for all tests of this module: each sees its own requests and spans alone, and nobody busy."""
    served.platform.health._vitals.clear()
    for vendor in served.vendors.values():
        vendor.requests.clear()
        vendor._queue.clear()
    served.since = now_us()
    return served


@EACH
async def test_create(site: Site, model: str) -> None:
    site.vendors[model].say(Answer(text="Good day", usage=Usage(input_tokens=11, output_tokens=7)))
    answer = await site.client.responses.create(
        model=model, input="Hello", instructions="Be brief.", max_output_tokens=64, temperature=0.5
    )
    assert answer.output_text == "Good day"
    assert answer.status == "completed"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (11, 7, 18)
    heard = site.vendors[model].heard
    assert (heard.system, heard.turns[-1].text, heard.max_tokens, heard.temperature) == ("Be brief.", "Hello", 64, 0.5)
    (span,) = site.spans()
    assert (span.operation, span.endpoint) == ("responses", "/v1/responses")
    assert span.usage == Usage(input_tokens=11, output_tokens=7)
    assert span.output is not None
    assert span.output["choices"][0]["message"]["content"] == "Good day"


@EACH
async def test_stream(site: Site, model: str) -> None:
    site.vendors[model].say(Answer(text="one two three", usage=Usage(input_tokens=11, output_tokens=7)))
    async with site.client.responses.stream(model=model, input="Hello") as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"
    ]  # fmt: skip
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "one two three"
    assert final.output_text == "one two three"
    assert final.usage is not None
    assert final.usage.total_tokens == 18
    (span,) = site.spans()
    assert span.usage == Usage(input_tokens=11, output_tokens=7)
    assert span.ttft_us is not None


@EACH
@pytest.mark.parametrize("stream", [False, True])
async def test_tools_and_the_next_turn(site: Site, model: str, stream: bool) -> None:
    vendor = site.vendors[model]
    vendor.say(Answer(text="", tool_calls=(ToolCall("call_1", "look_up", {"q": "fox"}),), finish_reason="tool_calls"))
    asked: Any = {"model": model, "input": "What is a fox?", "tools": [LOOK_UP], "tool_choice": "required"}
    if stream:
        async with site.client.responses.stream(**asked) as events:
            answer: Any = await events.get_final_response()
    else:
        answer = await site.client.responses.create(**asked)
    (call,) = [item for item in answer.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("look_up", {"q": "fox"})
    assert vendor.heard.tool_choice == "required"
    (span,) = site.spans()
    assert span.output is not None
    assert span.output["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "look_up"

    vendor.say(Answer(text="An animal."))
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "fox: an animal"}
    after = await site.client.responses.create(
        model=model, input=[result], tools=[LOOK_UP], previous_response_id=answer.id
    )
    assert after.output_text == "An animal."
    assert after.previous_response_id == answer.id
    turns = vendor.heard.turns
    assert turns[0].text == "What is a fox?"
    assert [(c.name, c.arguments) for turn in turns for c in turn.calls] == [("look_up", {"q": "fox"})]
    assert [text for turn in turns for _, text in turn.results] == ["fox: an animal"]


@EACH
async def test_parse(site: Site, model: str) -> None:
    site.vendors[model].say(Answer(text='{"legs": 4}'))
    parsed = await site.client.responses.parse(model=model, input="A fox", text_format=Legs)
    assert parsed.output_parsed == Legs(legs=4)
    assert site.vendors[model].heard.schema is not None


@pytest.mark.parametrize("model", ["native", "chat", "claude"])
async def test_reasoning(site: Site, model: str) -> None:
    site.vendors[model].say(*[Answer(text="42", reasoning="Let me think")] * 2)
    answer = await site.client.responses.create(model=model, input="?")
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    async with site.client.responses.stream(model=model, input="?") as stream:
        events = [event async for event in stream]
    thought = [e.delta for e in events if e.type == "response.reasoning_summary_text.delta"]
    assert "".join(thought) == "Let me think"


@EACH
async def test_a_length_limit_makes_it_incomplete(site: Site, model: str) -> None:
    site.vendors[model].say(*[Answer(text="one two", finish_reason="length")] * 2)
    answer = await site.client.responses.create(model=model, input="?")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    stream = await site.client.responses.create(model=model, input="?", stream=True)
    assert [event.type async for event in stream][-1] == "response.incomplete"


@EACH
async def test_get_delete_and_input_items(site: Site, model: str) -> None:
    site.vendors[model].say(Answer(text="Hi"), Answer(text="Bye"))
    first = await site.client.responses.create(model=model, input="Hello", metadata={"a": "b"})
    second = await site.client.responses.create(model=model, input="Goodbye", previous_response_id=first.id)
    assert (await site.client.responses.retrieve(first.id)).to_dict() == first.to_dict()
    assert (await site.client.responses.retrieve(second.id)).previous_response_id == first.id
    items = [item async for item in site.client.responses.input_items.list(second.id, order="asc", limit=1)]
    texts = [item.content[0].text for item in items if item.type == "message"]  # type: ignore[union-attr]
    assert texts == ["Hello", "Hi", "Goodbye"]
    assert len({item.id for item in items}) == 3
    newest = await site.client.responses.input_items.list(second.id, limit=2)
    assert [item.id for item in newest.data] == [items[2].id, items[1].id]
    assert newest.has_more
    await site.client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError, match=first.id):
        await site.client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError) as caught:
        await site.client.responses.create(model=model, input="?", previous_response_id=second.id)
    assert caught.value.param == "previous_response_id"


@pytest.mark.parametrize(("first", "then"), [("native", "claude"), ("claude", "native"), ("gemini", "chat")])
async def test_a_conversation_goes_on_at_another_provider(site: Site, first: str, then: str) -> None:
    call = ToolCall("call_1", "look_up", {"q": "fox"})
    site.vendors[first].say(
        Answer(text="Looking.", reasoning="Hm.", tool_calls=(call,), finish_reason="tool_calls"),
    )
    begun = await site.client.responses.create(model=first, input="A fox?", tools=[LOOK_UP])
    site.vendors[then].say(Answer(text="An animal."))
    (made,) = [item for item in begun.output if item.type == "function_call"]
    output: Any = {"type": "function_call_output", "call_id": made.call_id, "output": "an animal"}
    after = await site.client.responses.create(
        model=then, input=[output], tools=[LOOK_UP], previous_response_id=begun.id
    )
    assert after.output_text == "An animal."
    turns = site.vendors[then].heard.turns
    assert [turn.text for turn in turns if turn.text] == ["A fox?", "Looking."]
    assert [c.arguments for turn in turns for c in turn.calls] == [{"q": "fox"}]


async def test_what_a_provider_signed_goes_back_to_it(site: Site) -> None:
    """Anthropic wants its thinking back beside a tool's result, and no other does."""
    call = ToolCall("call_1", "look_up", {"q": "fox"})
    site.vendors["claude"].say(
        Answer(text="", reasoning="Hm.", tool_calls=(call,), finish_reason="tool_calls"), Answer(text="Done.")
    )
    begun = await site.client.responses.create(model="claude", input="A fox?", tools=[LOOK_UP])
    output: Any = {"type": "function_call_output", "call_id": "call_1", "output": "an animal"}
    await site.client.responses.create(model="claude", input=[output], tools=[LOOK_UP], previous_response_id=begun.id)
    blocks = site.vendors["claude"].last.body["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    assert blocks[0]["thinking"] == "Hm."

    sent_back: Any = [{"role": "user", "content": "A fox?"}, *(i.to_dict() for i in begun.output), output]
    site.vendors["claude"].say(Answer(text="Done."))
    await site.client.responses.create(model="claude", input=sent_back, tools=[LOOK_UP], store=False)
    assert site.vendors["claude"].last.body["messages"][1]["content"] == blocks
    site.vendors["chat"].say(Answer(text="Done."))
    await site.client.responses.create(model="chat", input=sent_back, tools=[LOOK_UP], store=False)
    assert site.vendors["chat"].last.body["messages"][1].keys() == {"role", "content", "tool_calls"}
    site.vendors["native"].say(Answer(text="Done."))
    await site.client.responses.create(model="native", input=sent_back, tools=[LOOK_UP], store=False)
    assert [i.get("type") for i in site.vendors["native"].last.body["input"]] == [
        None, "function_call", "function_call_output"
    ]  # fmt: skip


async def test_the_native_body_passes_through(site: Site) -> None:
    site.vendors["native"].say(Answer(text="Hi"))
    search: Any = {"type": "web_search"}
    await site.client.responses.create(
        model="native", input="Hello", tools=[search], service_tier="flex", truncation="auto", include=[]
    )
    assert site.vendors["native"].last.body == {
        "model": "wire-model", "input": "Hello", "tools": [search], "service_tier": "flex", "truncation": "auto",
        "include": [],
    }  # fmt: skip


@BRIDGED
async def test_hosted_tools_are_refused_where_there_are_none(site: Site, model: str) -> None:
    with pytest.raises(openai.BadRequestError, match=r"tools\[0\] \(web_search\)"):
        await site.client.responses.create(model=model, input="?", tools=[{"type": "web_search"}])
    assert site.vendors[model].requests == []


@pytest.mark.parametrize("model", ["native", "chat"])
async def test_what_is_not_to_be_stored_is_not(site: Site, model: str) -> None:
    site.vendors[model].say(Answer(text="Hi"))
    answer = await site.client.responses.create(model=model, input="Hello", store=False)
    with pytest.raises(openai.NotFoundError):
        await site.client.responses.retrieve(answer.id)


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise StorageError("The database is away.")

    monkeypatch.setattr(ResponseStore, "put", away)
    site.vendors["chat"].say(Answer(text="Hi"), Answer(text="Hi"))
    answer = await site.client.responses.create(model="chat", input="Hello")
    assert answer.output_text == "Hi"
    assert answer.to_dict()["store"] is False
    async with site.client.responses.stream(model="chat", input="Hello") as stream:
        assert (await stream.get_final_response()).output_text == "Hi"


async def test_projects_are_apart(site: Site) -> None:
    site.vendors["chat"].say(Answer(text="Hi"))
    answer = await site.client.responses.create(model="chat", input="Hello")
    kept = ResponseStore(site.platform.store.observe)
    kept.put("another", kept.get("default", answer.id))
    await site.client.responses.delete(answer.id)
    for ask in (site.client.responses.retrieve, site.client.responses.delete, site.client.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            await ask(answer.id)
    assert kept.get("another", answer.id)


@EACH
@pytest.mark.parametrize("fault", ["rate_limit", "context_length", "server_error"])
async def test_errors_before_the_answer(site: Site, model: str, fault: Any) -> None:
    site.vendors[model].say(*[Answer(fault=fault)] * 4)
    status = {"rate_limit": 429, "context_length": 400, "server_error": 503}[fault]
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            await site.client.responses.create(model=model, input="?", stream=stream)
        assert caught.value.status_code == status


@EACH
@pytest.mark.parametrize("fault", ["reset_midway", "cut", "error_event"])
async def test_a_stream_that_breaks_ends_with_a_failed_response(site: Site, model: str, fault: Any) -> None:
    site.vendors[model].say(Answer(text="one two three four five six seven eight", fault=fault))
    stream = await site.client.responses.create(model=model, input="?", stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert last.response.error is not None
    assert last.response.error.code == "server_error"
    assert (await site.client.responses.retrieve(last.response.id)).status == "failed"
    (span,) = site.spans()
    assert span.status == "error"


async def test_a_failure_before_the_first_word_falls_back(site: Site) -> None:
    """The native server's stream begins, and breaks before it says anything: another answers instead."""
    site.vendors["native"].say(Answer(text="", fault="cut"), Answer(text="", fault="cut"))
    site.vendors["chat"].say(Answer(text="Hi"))
    async with site.client.responses.stream(model="safe", input="?") as stream:
        assert (await stream.get_final_response()).output_text == "Hi"


@pytest.mark.parametrize("background", [False, True])
async def test_budgets_hold(site: Site, background: bool) -> None:
    asked: Any = {"model": "poor", "input": "Hello", "max_output_tokens": 50}
    if background:
        begun = await site.client.responses.create(**asked, background=True)
        assert (await _settled(site, begun.id)).status == "failed"
    else:
        with pytest.raises(openai.RateLimitError) as caught:
            await site.client.responses.create(**asked)
        assert caught.value.code == "insufficient_quota"
        with pytest.raises(openai.RateLimitError):
            await site.client.responses.create(**asked, stream=True)
    assert site.vendors["chat"].requests == []


async def test_a_model_that_the_key_may_not_use_is_not_begun_in_the_background(site: Site) -> None:
    settings = KeySettings.model_validate({"policy": {"models": ["native"]}})
    client = site.client.with_options(api_key=site.platform.keys.create("k", settings=settings)[0])
    with pytest.raises(openai.PermissionDeniedError, match="may not use 'chat'"):
        await client.responses.create(model="chat", input="Hello", background=True)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cached_answer_is_a_response_of_its_own(site: Site, stream: bool) -> None:
    site.vendors["chat"].say(Answer(text="Hi"))
    made: list[Any] = []
    for _ in range(2):
        if stream:
            async with site.client.responses.stream(model="twice", input="Streamed?") as events:
                made.append(await events.get_final_response())
        else:
            made.append(await site.client.responses.create(model="twice", input="Whole?"))
    assert [answer.output_text for answer in made] == ["Hi", "Hi"]
    assert len(site.vendors["chat"].requests) == 1
    assert made[0].id != made[1].id
    await site.client.responses.delete(made[0].id)
    assert (await site.client.responses.retrieve(made[1].id)).output_text == "Hi"


async def test_limits_hold(site: Site) -> None:
    site.vendors["chat"].say(Answer(text="Hi"))
    await site.client.responses.create(model="few", input="Hello")
    with pytest.raises(openai.RateLimitError) as caught:
        await site.client.responses.create(model="few", input="Hello", stream=True)
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) >= 1


async def test_no_usage_is_said_to_be_none_and_estimated_on_the_span(site: Site) -> None:
    site.vendors["chat"].say(Answer(text="one two three", usage=None))
    async with site.client.responses.stream(model="chat", input="Hello") as stream:
        assert (await stream.get_final_response()).usage is None
    (span,) = site.spans()
    assert span.usage is not None
    assert span.usage.estimated
    assert span.usage.output_tokens >= 3


async def test_a_client_that_leaves_ends_the_call(site: Site) -> None:
    site.vendors["chat"].say(Answer(text="one two three four", fault="hang_midway"))
    stream = await site.client.responses.create(model="chat", input="?", stream=True)
    async for event in stream:
        if event.type == "response.output_text.delta":
            break
    await stream.close()
    await asyncio.wait_for(asyncio.wrap_future(site.vendors["chat"].last.gone), 30)


async def test_custom_tools_take_free_text(site: Site) -> None:
    vendor = site.vendors["claude"]
    vendor.say(
        *[Answer(text="", tool_calls=(ToolCall("c1", "run", {"input": "ls -l"}),), finish_reason="tool_calls")] * 2
    )
    tools: Any = [{"type": "custom", "name": "run", "description": "Runs a command."}]
    answer = await site.client.responses.create(model="claude", input="List", tools=tools)
    (made,) = [item for item in answer.output if item.type == "custom_tool_call"]
    assert (made.name, made.input) == ("run", "ls -l")
    stream = await site.client.responses.create(model="claude", input="List", tools=tools, stream=True)
    done = [e.input async for e in stream if e.type == "response.custom_tool_call_input.done"]
    assert done == ["ls -l"]
    vendor.say(Answer(text="Done."))
    output: Any = {"type": "custom_tool_call_output", "call_id": made.call_id, "output": "a b"}
    await site.client.responses.create(model="claude", input=[output], tools=tools, previous_response_id=answer.id)
    assert [r[1] for turn in vendor.heard.turns for r in turn.results] == ["a b"]


@pytest.mark.parametrize("model", ["native", "chat"])
async def test_an_id_is_that_of_the_request(site: Site, model: str) -> None:
    site.vendors[model].say(Answer(text="Hi"))
    raw = await site.client.responses.with_raw_response.create(model=model, input="Hello")
    assert raw.parse().id.removeprefix("resp_") == raw.headers["x-request-id"].removeprefix("req_")


async def test_an_item_is_found_by_its_id(site: Site) -> None:
    site.vendors["chat"].say(Answer(text="Hi there"), Answer(text="Yes"))
    first = await site.client.responses.create(model="chat", input="Hello")
    refer: Any = [{"type": "item_reference", "id": first.output[0].id}, {"role": "user", "content": "Again?"}]
    await site.client.responses.create(model="chat", input=refer)
    assert [(t.role, t.text) for t in site.vendors["chat"].heard.turns] == [
        ("assistant", "Hi there"), ("user", "Again?")
    ]  # fmt: skip
    unknown: Any = [{"type": "item_reference", "id": "msg_unknown"}]
    with pytest.raises(openai.BadRequestError, match="item_reference"):
        await site.client.responses.create(model="chat", input=unknown)


@EACH
async def test_images(site: Site, model: str) -> None:
    if model == "cohere":
        pytest.skip("the wire model has no eyes")
    site.vendors[model].say(Answer(text="A dot"))
    image = "data:image/png;base64,iVBORw0KGgo="
    parts: Any = [{"type": "input_text", "text": "What?"}, {"type": "input_image", "image_url": image, "detail": "low"}]
    await site.client.responses.create(model=model, input=[{"role": "user", "content": parts}])
    (turn,) = site.vendors[model].heard.turns
    assert turn.text == "What?"
    assert len(turn.images) == 1


async def test_a_context_that_is_too_long_loses_its_oldest_turns(site: Site) -> None:
    site.vendors["chat"].say(Answer(fault="context_length"), Answer(fault="context_length"), Answer(text="Yes"))
    turns: Any = [{"role": role, "content": f"{role} {n}"} for n in range(4) for role in ("user", "assistant")]
    asked: Any = [*turns, {"role": "user", "content": "last"}]
    answer = await site.client.responses.create(model="chat", instructions="S", input=asked, truncation="auto")
    assert answer.output_text == "Yes"
    assert [turn.text for turn in site.vendors["chat"].heard.turns] == ["user 3", "assistant 3", "last"]
    assert site.vendors["chat"].heard.system == "S"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "chat"}, "input"),
        ({"model": "chat", "input": []}, "input"),
        ({"input": "x"}, "model"),
        ({"model": "chat", "input": 3}, "input"),
        ({"model": "chat", "input": [{"role": "king", "content": "x"}]}, "input[0].role"),
        ({"model": "chat", "input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"model": "chat", "input": [{"type": "function_call"}]}, "input[0]"),
        ({"model": "chat", "input": "x", "tools": [{"type": "function"}]}, "tools[0]"),
        ({"model": "chat", "input": "x", "conversation": "conv_1"}, "conversation"),
        ({"model": "chat", "input": "x", "background": True, "store": False}, "store"),
        ({"model": "chat", "input": "x", "metadata": {"a": 1}}, "metadata[...]"),
        ({"model": "chat", "input": "x", "max_output_tokens": 0}, "max_output_tokens"),
    ],
)
async def test_bad_requests_name_the_field(site: Site, body: dict[str, Any], param: str | None) -> None:
    headers = {"authorization": f"Bearer {site.key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{site.address}/v1/responses", json=body, headers=headers) as response,
    ):
        assert response.status == 400
        assert (await response.json())["error"]["param"] == param


async def test_paging_refuses_what_it_does_not_know(site: Site) -> None:
    site.vendors["chat"].say(Answer(text="Hi"))
    answer = await site.client.responses.create(model="chat", input="Hello")
    listed = site.client.responses.input_items.list
    for wrong in ({"limit": 0}, {"limit": 101}, {"order": "up"}, {"after": "msg_unknown"}):
        with pytest.raises(openai.BadRequestError):
            await listed(answer.id, **wrong)  # type: ignore[arg-type]


class TestBackground:
    async def test_is_polled_for(self, site: Site) -> None:
        site.vendors["claude"].say(Answer(text="Done"))
        begun = await site.client.responses.create(model="claude", input="Work", background=True)
        assert begun.status == "in_progress"
        assert begun.background
        found = await _settled(site, begun.id)
        assert (found.id, found.status, found.output_text, found.background) == (begun.id, "completed", "Done", True)
        assert found.created_at == begun.created_at
        (span,) = site.spans()
        assert span.usage is not None

    async def test_a_native_one_is_made_here_too(self, site: Site) -> None:
        site.vendors["native"].say(Answer(text="Done"), Answer(text="More"))
        begun = await site.client.responses.create(model="native", input="Work", background=True)
        assert (await _settled(site, begun.id)).output_text == "Done"
        assert "background" not in site.vendors["native"].last.body
        after = await site.client.responses.create(model="native", input="More", previous_response_id=begun.id)
        assert after.output_text == "More"

    async def test_can_be_cancelled(self, site: Site) -> None:
        site.vendors["chat"].say(Answer(fault="hang"))
        begun = await site.client.responses.create(model="chat", input="Work", background=True)
        await _asked(site, begun.id, site.vendors["chat"])
        with pytest.raises(openai.BadRequestError, match="not complete"):
            await site.client.responses.create(model="chat", input="x", previous_response_id=begun.id)
        cancelled = await site.client.responses.cancel(begun.id)
        assert cancelled.status == "cancelled"
        await asyncio.wait_for(asyncio.wrap_future(site.vendors["chat"].last.gone), 30)
        assert (await site.client.responses.cancel(begun.id)).status == "cancelled"
        assert (await site.client.responses.retrieve(begun.id)).status == "cancelled"

    async def test_a_failure_is_told(self, site: Site) -> None:
        site.vendors["chat"].say(*[Answer(fault="rate_limit")] * 3)
        begun = await site.client.responses.create(model="chat", input="Work", background=True)
        found = await _settled(site, begun.id)
        assert found.status == "failed"
        assert found.error is not None
        assert found.error.code == "rate_limit_exceeded"

    async def test_a_server_that_stops_fails_it(self, site: Site) -> None:
        site.vendors["chat"].say(Answer(fault="hang"))
        begun = await site.client.responses.create(model="chat", input="Work", background=True)
        await _asked(site, begun.id, site.vendors["chat"])
        await site.platform.endpoints.aclose()
        found = await site.client.responses.retrieve(begun.id)
        assert found.status == "failed"
        assert found.error is not None
        assert "stopped" in found.error.message

    async def test_only_background_ones_are_cancelled(self, site: Site) -> None:
        site.vendors["chat"].say(Answer(text="Hi"))
        answer = await site.client.responses.create(model="chat", input="Hello")
        with pytest.raises(openai.BadRequestError, match="background"):
            await site.client.responses.cancel(answer.id)


async def _asked(site: Site, response_id: str, vendor: WireServer) -> None:
    async with asyncio.timeout(30):
        while not vendor.requests:
            await site.client.responses.retrieve(response_id)


async def _settled(site: Site, response_id: str) -> Any:
    async with asyncio.timeout(30):
        while True:
            found = await site.client.responses.retrieve(response_id)
            if found.status != "in_progress":
                return found
