"""Asking a provider, and putting its chunks together the way a client would. Knows nothing of pytest."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pilothouse.protocols import Provider
from pilothouse.testing.record import new_call
from pilothouse.testing.wire import ToolCall
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage

__all__ = ["Outcome", "answering", "ask", "chat_request"]


@dataclass
class Outcome:
    """What came out of one call. `calls` are put together from the raw chunks, as a client would."""

    chunks: list[ChatChunk] = field(default_factory=list)
    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    calls: list[ToolCall] = field(default_factory=list)
    choices: dict[int, str] = field(default_factory=dict)


def chat_request(content: Any = "Hi", *, stream: bool = False, **fields: Any) -> ChatRequest:
    """A checked request; `content` is the user's message unless `messages` is among the fields."""
    body = {"model": "wire-model", "messages": [{"role": "user", "content": content}], "max_tokens": 64, **fields}
    return ChatRequest.check({**body, "stream": True} if stream else body)


def answering(
    provider: Provider, request: ChatRequest, seconds: float = 10
) -> AbstractAsyncContextManager[AsyncGenerator[ChatChunk]]:
    """An open call, closed (and so cancelled) at the end of the block: `async with answering(...) as chunks`."""
    chunks: Any = provider.chat(request, new_call(seconds))
    return aclosing(chunks)


async def ask(
    provider: Provider, request: ChatRequest, *, seconds: float = 10, outcome: Outcome | None = None
) -> Outcome:
    """Run one call to its end and check that every chunk is OpenAI-shaped and agrees with its own fields.

    `outcome` is filled as chunks come, for looking at what a call that failed had said until then.
    """
    outcome = outcome or Outcome()
    partial: dict[int, Json] = {}
    async with answering(provider, request, seconds) as chunks:
        async for chunk in chunks:
            outcome.chunks.append(chunk)
            outcome.text += chunk.text
            outcome.reasoning += chunk.reasoning
            outcome.finish_reason = chunk.finish_reason or outcome.finish_reason
            outcome.usage = chunk.usage or outcome.usage
            outcome.model = outcome.model or chunk.model
            _read_raw(chunk, request.stream, outcome, partial)
    outcome.calls = [
        ToolCall(call["id"], call["name"], msgspec.json.decode(call["arguments"])) for call in partial.values()
    ]
    return outcome


def _read_raw(chunk: ChatChunk, stream: bool, outcome: Outcome, partial: dict[int, Json]) -> None:
    data = chunk.data
    assert data["object"] == ("chat.completion.chunk" if stream else "chat.completion")
    assert isinstance(data["id"], str)
    assert isinstance(data["created"], int)
    assert isinstance(data["model"], str)
    assert chunk.model == data["model"]
    assert chunk.usage_only == (stream and not data["choices"] and chunk.usage is not None)
    for choice in data["choices"]:
        part = choice["delta" if stream else "message"]
        at = choice["index"]
        outcome.choices[at] = outcome.choices.get(at, "") + (part.get("content") or "")
        for position, call in enumerate(part.get("tool_calls") or ()):
            known = partial.setdefault(call.get("index", position), {"id": "", "name": "", "arguments": ""})
            known["id"] = call.get("id") or known["id"]
            known["name"] = call["function"].get("name") or known["name"]
            known["arguments"] += call["function"].get("arguments") or ""
