"""Messages to Anthropic itself: forwarded as they come; and the way from there to a model that only chats, and back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import msgspec
import pytest

from pilothouse.testing import Answer, ToolCall
from pilothouse.testing.anthropic_server import SIGNATURE, AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Json, Usage

from .messages_served import Served, provider, serving

HELLO: Any = [{"role": "user", "content": "Hello"}]

CALM: Json = {"resilience": {"retries": 0}}


def at(provider: str, model: str) -> Json:
    return {"provider": provider, "model": model}


@dataclass
class Both:
    served: Served
    claude: AnthropicServer
    other: OpenAIServer

    async def post(self, body: Json, **headers: str) -> tuple[Any, Json]:
        """(headers, answer) of a request that no client has touched."""
        sent = {"x-api-key": self.served.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        url = f"{self.served.address}/v1/messages?beta=true"
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=sent) as response:
            return response.headers, await response.json()


@pytest.fixture
async def both(tmp_path: Path, models_dir: Path) -> AsyncIterator[Both]:
    async with AnthropicServer() as claude, OpenAIServer() as other:
        betas = {"headers": {"Anthropic-Beta": "files-api-2025-04-14"}}
        config = {
            "providers": {
                "claude": {**provider("anthropic", claude), **betas},
                "other": provider("openai", other),
            },
            "models": {
                "claude": {"deployments": [at("claude", "claude-wire")], **CALM, "fallbacks": ["other"]},
                "other": {"deployments": [{"provider": "other", "model": "wire-model"}]},
                "back": {"deployments": [at("other", "wire-model")], **CALM, "fallbacks": ["claude"]},
            },
        }
        async with serving(tmp_path, models_dir, claude, config) as served:
            yield Both(served, claude, other)


BODY: Json = {
    "model": "claude",
    "max_tokens": 4096,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
                {"type": "redacted_thinking", "data": "xyz"},
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "f",
                    "input": {"b": 1, "a": 2},
                    "caller": {"type": "direct"},
                },
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}]},
    ],
    "tools": [
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "f", "input_schema": {"type": "object"}, "eager_input_streaming": True},
    ],
    "thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "a_field_of_tomorrow": {"x": [1, 2]},
}


async def test_the_body_reaches_anthropic_untouched_but_for_the_model(both: Both) -> None:
    await both.post(BODY)
    assert both.claude.last.body == {**BODY, "model": "claude-wire"}
    assert list(both.claude.last.body["messages"][1]["content"][2]["input"]) == ["b", "a"]


async def test_the_callers_version_and_betas_are_forwarded_beside_the_providers(both: Both) -> None:
    await both.post(BODY, anthropic_version="2026-10-21", anthropic_beta="context-1, files-api-2025-04-14")
    assert both.claude.last.headers["anthropic-version"] == "2026-10-21"
    assert both.claude.last.headers["anthropic-beta"] == "files-api-2025-04-14,context-1"
    await both.post(BODY)
    assert both.claude.last.headers["anthropic-version"] == "2023-06-01"
    assert both.claude.last.headers["anthropic-beta"] == "files-api-2025-04-14"
    assert both.claude.last.headers["x-api-key"] == "secret"


async def test_an_answer_comes_back_byte_for_byte(both: Both) -> None:
    usage = Usage(30, 9, cached_tokens=20, cache_write_tokens=4, reasoning_tokens=3)
    both.claude.say(Answer(text="Hi", reasoning="hm", tool_calls=(ToolCall("toolu_1", "f", {"a": 1}),), usage=usage))
    _, answer = await both.post(BODY)
    assert answer["id"] == "msg_wire"
    assert [block["type"] for block in answer["content"]] == ["thinking", "text", "tool_use"]
    assert answer["content"][0]["signature"] == SIGNATURE
    assert answer["usage"]["service_tier"] == "standard"
    (span,) = both.served.spans()
    assert span.usage == usage
    assert span.output is not None
    message = span.output["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hi", "hm")
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":1}'}


async def test_a_stream_comes_back_event_for_event_and_is_metered(both: Both) -> None:
    usage = Usage(30, 9, cached_tokens=20, cache_write_tokens=4, reasoning_tokens=3)
    said = Answer(text="one two", reasoning="hm", tool_calls=(ToolCall("toolu_1", "f", {"a": 1}),), usage=usage)
    both.claude.say(said)
    url = f"{both.served.address}/v1/messages"
    headers = {"x-api-key": both.served.key}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json={**BODY, "stream": True}) as response,
    ):
        got = await response.read()
    heard = both.claude.last.heard
    assert heard is not None
    assert got == b"".join(both.claude.frames(heard, said))
    (span,) = both.served.spans()
    assert span.usage == usage
    assert span.response_model == "claude-wire"
    assert span.output is not None
    message = span.output["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("one two", "hm")
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":1}'}


async def test_a_failed_anthropic_falls_back_to_a_chat(both: Both) -> None:
    both.claude.say(Answer(fault="overloaded"))
    both.other.say(Answer(text="From the other."))
    plain = {**BODY, "tools": BODY["tools"][1:]}
    headers, answer = await both.post(plain, anthropic_beta="context-1")
    assert headers["x-pilothouse-deployment"] == "other/wire-model"
    assert answer["content"] == [{"type": "text", "text": "From the other."}]
    roles = [message["role"] for message in both.other.last.body["messages"]]
    assert roles == ["system", "user", "assistant", "tool"]
    assert b"thinking" not in both.other.last.raw
    assert "anthropic-beta" not in both.other.last.headers


async def test_a_failed_chat_falls_back_to_anthropic(both: Both) -> None:
    both.other.say(Answer(fault="overloaded"))
    headers, answer = await both.post({**BODY, "model": "back", "tools": BODY["tools"][1:]})
    assert headers["x-pilothouse-deployment"] == "claude/claude-wire"
    assert answer["id"] == "msg_wire"
    assert both.claude.last.body["a_field_of_tomorrow"] == {"x": [1, 2]}


@pytest.mark.parametrize("stream", [False, True])
async def test_what_another_model_said_before_does_not_trouble_anthropic(both: Both, stream: bool) -> None:
    call = ToolCall("functions.f:0", "f", {"a": 1})
    both.other.say(Answer(text="", reasoning="hm", tool_calls=(call,), finish_reason="tool_calls"))
    tools: Any = BODY["tools"][1:]
    asked: Any = {"max_tokens": 64, "tools": tools}
    if stream:
        async with both.served.client.messages.stream(model="other", messages=HELLO, **asked) as events:
            message = await events.get_final_message()
    else:
        message = await both.served.client.messages.create(model="other", messages=HELLO, **asked)
    assert [block.type for block in message.content] == ["thinking", "tool_use"]
    result: Any = {"type": "tool_result", "tool_use_id": "functions.f:0", "content": "ok"}
    history: Any = [*HELLO, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    await both.served.client.messages.create(model="claude", messages=history, **asked)
    (use,) = both.claude.last.body["messages"][1]["content"]
    assert (use["type"], use["id"]) == ("tool_use", "functions_f_0")
    await both.served.client.messages.create(model="other", messages=history, **asked)
    assert both.other.heard.turns[-1].results == [("functions.f:0", "ok")]


async def test_what_a_chat_cannot_say_is_refused_by_name_in_either_form(both: Both) -> None:
    _, answer = await both.post({**BODY, "model": "other"})
    assert (answer["type"], answer["error"]["type"]) == ("error", "invalid_request_error")
    assert answer["error"]["message"].startswith("tools[0].type: cannot be said to 'other'")
    assert both.other.requests == []


async def test_a_client_that_leaves_ends_the_call_upstream(both: Both) -> None:
    both.claude.say(Answer(text="one two three", fault="hang_midway"))
    async with both.served.client.messages.stream(model="claude", max_tokens=64, messages=HELLO) as stream:
        async for event in stream:
            if event.type == "text":
                break
    await asyncio.wait_for(asyncio.wrap_future(both.claude.last.gone), 30)


async def test_mistakes_are_told_in_anthropics_shape(both: Both) -> None:
    client = both.served.client
    with pytest.raises(anthropic.NotFoundError) as unknown:
        await client.messages.create(model="nope", max_tokens=9, messages=HELLO)
    assert unknown.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]
    with pytest.raises(anthropic.AuthenticationError) as stranger:
        await client.with_options(api_key="ph-none").messages.create(model="claude", max_tokens=9, messages=HELLO)
    assert stranger.value.body["error"]["type"] == "authentication_error"  # type: ignore[index]
    assert stranger.value.request_id
    with pytest.raises(anthropic.BadRequestError, match="messages: at least one"):
        await client.messages.create(model="claude", max_tokens=9, messages=[])
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: Field required"):
        await client.post("/v1/messages", cast_to=object, body={"model": "claude", "messages": HELLO})
    with pytest.raises(anthropic.BadRequestError, match="not valid JSON"):
        await client.post("/v1/messages", cast_to=object, content=b"{")
    async with (
        aiohttp.ClientSession(headers={"x-api-key": both.served.key}) as session,
        session.get(f"{both.served.address}/v1/messages") as response,
    ):
        assert response.status == 405


async def test_a_bearer_key_will_do(both: Both) -> None:
    async with anthropic.AsyncAnthropic(
        base_url=both.served.address, api_key=None, auth_token=both.served.key, max_retries=0
    ) as client:
        assert (await client.messages.create(model="claude", max_tokens=9, messages=HELLO)).content


async def test_counts_go_to_anthropic_and_fall_back_to_an_estimate(both: Both) -> None:
    client = both.served.client.messages.with_raw_response
    both.claude.say(Answer(usage=Usage(1234, 0)))
    counted = await client.count_tokens(model="claude", messages=HELLO)
    assert (await counted.parse()).input_tokens == 1234
    assert counted.headers["x-pilothouse-deployment"] == "claude/claude-wire"
    both.claude.say(Answer(fault="overloaded"))
    estimated = await client.count_tokens(model="claude", messages=HELLO)
    assert estimated.headers["x-pilothouse-estimated"] == "true"
    assert "x-pilothouse-deployment" not in estimated.headers
    both.claude.say(Answer(fault="bad_request"))
    with pytest.raises(anthropic.BadRequestError):
        await both.served.client.messages.count_tokens(model="claude", messages=HELLO)
    assert [span.status for span in both.served.spans()] == ["error", "error", "ok"]


async def test_models_have_the_shape_of_whoever_asks(both: Both) -> None:
    names = [model.id async for model in both.served.client.models.list()]
    assert {"claude", "other", "builtin/echo"} <= set(names)
    model = await both.served.client.models.retrieve("claude")
    assert (model.type, model.display_name) == ("model", "claude")
    async with (
        aiohttp.ClientSession(headers={"x-api-key": both.served.key}) as session,
        session.get(f"{both.served.address}/v1/models") as response,
    ):
        body = msgspec.json.decode(await response.read())
    assert (body["object"], body["data"][0]["object"]) == ("list", "model")


async def test_the_built_in_models_answer_too(both: Both) -> None:
    async with both.served.client.messages.stream(model="builtin/echo", max_tokens=64, messages=HELLO) as stream:
        message = await stream.get_final_message()
    assert message.content[0].text == "Hello"  # type: ignore[union-attr]
    assert message.model == "echo"


LATE: Any = [*HELLO, {"role": "system", "content": [{"type": "text", "text": "From now on, be brief."}]}]


async def test_a_system_message_within_a_conversation_reaches_anthropic_as_it_is(both: Both) -> None:
    await both.served.client.messages.create(model="claude", max_tokens=64, messages=LATE)
    assert both.claude.last.body["messages"] == LATE


async def test_a_model_that_takes_none_says_so_in_words_that_clients_know(both: Both) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        await both.served.client.messages.create(model="claude/claude-opus-4-7", max_tokens=64, messages=LATE)
    assert 'Unexpected role "system"' in refused.value.message
    assert "input message role" in refused.value.message
