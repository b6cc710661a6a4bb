"""Requests in the form in which Claude Code sends them, over a server that knows OpenAI's chat alone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from pilothouse.providers.sse import SseReader
from pilothouse.testing import Answer, ToolCall
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import ChatChunk, Json

from .message_events import read_message
from .messages_served import Served, provider, serving

SESSION = "b4e5aaaa-9a3e-47c4-84ad-3a70f38c676e"
USER_ID = f"user_{'0784b260bff170af' * 4}_account_261d5434-c8c2-431f-b07d-2e480cd4622f_session_{SESSION}"
MARK = {"cache_control": {"type": "ephemeral"}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
HEADERS = {
    "accept": "application/json",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
    "anthropic-dangerous-direct-browser-access": "true",
    "user-agent": "claude-cli/2.1.69 (external, cli)",
    "x-app": "cli",
    "x-claude-code-session-id": SESSION,
    "x-stainless-lang": "js",
    "x-stainless-retry-count": "0",
    "x-stainless-timeout": "600",
}
LONG_TOOL = "mcp__company_internal_documentation_server__search_all_pages_by_title"
TOOLS: list[Json] = [
    {
        "name": "Bash",
        "description": "Executes a given bash command.",
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "command": {"description": "The command to execute", "type": "string"},
                "timeout": {"description": "Optional timeout in milliseconds", "type": "number"},
            },
            "required": ["command"],
            "additionalProperties": False,
        },
    },
    {"name": "Read", "description": "Reads a file.", "input_schema": {"type": "object", "properties": {}}},
    {"name": LONG_TOOL, "description": "", "input_schema": {"type": "object", "properties": {}}, **MARK},
]
QUESTION = {
    "role": "user",
    "content": [
        {"type": "text", "text": "<system-reminder>\nToday is a Friday.\n</system-reminder>"},
        {"type": "text", "text": "What does the chart show?", **MARK},
    ],
}
BODY: Json = {
    "model": "claude-sonnet",
    "messages": [QUESTION],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.69.abc; cc_entrypoint=cli; cch=12345;"},
        {"type": "text", "text": "You are Claude Code, Anthropic's official CLI for Claude.", **MARK},
        {"type": "text", "text": "You are an interactive agent.", **MARK},
    ],
    "tools": TOOLS,
    "metadata": {"user_id": USER_ID},
    "max_tokens": 32000,
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "medium"},
    "stream": True,
}


@pytest.fixture
async def served(tmp_path: Path, models_dir: Path) -> AsyncIterator[Served]:
    async with OpenAIServer() as upstream:
        config = {
            "providers": {"wire": provider("openai", upstream)},
            "models": {"claude-sonnet": {"deployments": [{"provider": "wire", "model": "gpt-4o"}]}},
        }
        async with serving(tmp_path, models_dir, upstream, config) as platform:
            yield platform


async def post(served: Served, body: Json, path: str = "/v1/messages?beta=true") -> tuple[int, bytes]:
    headers = {**HEADERS, "authorization": f"Bearer {served.key}"}
    url = f"{served.address}{path}"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as response:
        return response.status, await response.read()


async def turn(served: Served, messages: list[Any]) -> Json:
    """One streamed turn, as the client puts it together."""
    status, raw = await post(served, {**BODY, "messages": messages})
    assert status == 200, raw
    names = re.findall(rb"^event: (\w+)$", raw, re.MULTILINE)
    events = SseReader().feed(raw)
    return read_message(ChatChunk(data, event=name) for data, name in zip(events, names, strict=True))


async def test_a_session_with_tools(served: Served) -> None:
    called = (ToolCall("call_1", "Read", {"file_path": "/tmp/a.png"}), ToolCall("call_2", "Bash", {"command": "ls"}))
    served.upstream.say(
        Answer(text="I'll look.", reasoning="Two tools.", tool_calls=called, finish_reason="tool_calls")
    )
    said = await turn(served, [QUESTION])
    assert [block["type"] for block in said["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert said["stop_reason"] == "tool_use"
    sent = served.upstream.last.body
    assert [part["text"] for part in sent["messages"][0]["content"]] == [
        "You are Claude Code, Anthropic's official CLI for Claude.",
        "You are an interactive agent.",
    ]
    assert re.fullmatch(r"[0-9a-f]{64}", sent["user"])
    assert all(len(tool["function"]["name"]) <= 64 for tool in sent["tools"])
    known = {"model", "messages", "max_tokens", "stream", "stream_options", "tools", "user"}
    assert sent.keys() == known, "OpenAI refuses fields that it does not know"
    assert b"cache_control" not in served.upstream.last.raw

    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    failed = "<tool_use_error>bash: no such directory</tool_use_error>"
    results = [
        {"tool_use_id": "call_1", "type": "tool_result", "content": [image]},
        {"tool_use_id": "call_2", "type": "tool_result", "content": failed, "is_error": True, **MARK},
        {"type": "text", "text": "<system-reminder>Be careful.</system-reminder>"},
    ]
    history = [QUESTION, {"role": "assistant", "content": said["content"]}, {"role": "user", "content": results}]
    served.upstream.say(Answer(text="It shows one pixel."))
    answer = await turn(served, history)
    assert answer["content"] == [{"type": "text", "text": "It shows one pixel."}]
    assert answer["stop_reason"] == "end_turn"
    heard = served.upstream.heard.turns
    assert [one.role for one in heard] == ["user", "assistant", "tool", "tool", "user"]
    assert [call.name for call in heard[1].calls] == ["Read", "Bash"]
    assert [text for one in heard for _, text in one.results] == [
        "(What was returned follows in the next message.)",
        failed,
    ]
    assert heard[-1].images == [f"data:image/png;base64,{PIXEL}"]
    assert heard[-1].text == "<system-reminder>Be careful.</system-reminder>"
    first, second = served.spans()
    assert {first.session_id, second.session_id} == {SESSION}
    assert first.usage is not None
    assert not first.usage.estimated


async def test_an_mcp_tool_with_a_long_name_is_called_by_it(served: Served) -> None:
    await turn(served, [QUESTION])
    short = served.upstream.last.body["tools"][2]["function"]["name"]
    served.upstream.say(Answer(tool_calls=(ToolCall("call_1", short, {"q": "x"}),), finish_reason="tool_calls"))
    said = await turn(served, [QUESTION])
    assert said["content"][-1]["name"] == LONG_TOOL
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "found"}
    await turn(
        served, [QUESTION, {"role": "assistant", "content": said["content"]}, {"role": "user", "content": [result]}]
    )
    assert served.upstream.heard.turns[1].calls[0].name == short


async def test_the_title_of_a_session_as_json(served: Served) -> None:
    schema = {
        "type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"],
        "additionalProperties": False,
    }  # fmt: skip
    body = {
        "model": "claude-sonnet",
        "max_tokens": 512,
        "messages": [{"role": "user", "content": "Name this session."}],
        "metadata": {"user_id": USER_ID},
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
        "temperature": 1,
        "thinking": {"type": "disabled"},
        "tools": [],
    }
    served.upstream.say(Answer(text='{"title":"Charts"}'))
    status, raw = await post(served, body)
    assert (status, msgspec.json.decode(raw)["content"][0]["text"]) == (200, '{"title":"Charts"}')
    assert served.upstream.heard.schema == schema


async def test_tokens_are_counted(served: Served) -> None:
    body = {"model": "claude-sonnet", "messages": [QUESTION], "tools": TOOLS}
    status, raw = await post(served, body, "/v1/messages/count_tokens?beta=true")
    assert status == 200
    assert msgspec.json.decode(raw)["input_tokens"] > 100
    short, raw_short = await post(served, {**body, "tools": []}, "/v1/messages/count_tokens?beta=true")
    assert short == 200
    assert msgspec.json.decode(raw_short)["input_tokens"] < 60


async def test_a_conversation_that_grew_too_long_says_the_words_that_make_it_compact(served: Served) -> None:
    served.upstream.say(Answer(fault="context_length"))
    status, raw = await post(served, BODY)
    error = msgspec.json.decode(raw)["error"]
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith("prompt is too long")


async def test_models_can_be_discovered(served: Served) -> None:
    headers = {**HEADERS, "authorization": f"Bearer {served.key}"}
    url = f"{served.address}/v1/models?limit=1000"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        body = await response.json()
    first = body["data"][0]
    assert (first["type"], first["id"], first["display_name"]) == ("model", "claude-sonnet", "claude-sonnet")
    assert body["has_more"] is False
