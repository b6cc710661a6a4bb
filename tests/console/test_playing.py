"""An answer of the playground in lines: what comes, what it took, and what happens when whoever asked leaves."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from pilothouse.call import Call, Span
from pilothouse.console.playing import Heard, Lines, failed, played, told_of
from pilothouse.errors import ProviderUnavailable
from pilothouse.types import ChatChunk, ChatRequest, Usage

REQUEST = ChatRequest({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True})


class Kept:
    def __init__(self) -> None:
        self.spans: list[Any] = []

    def record(self, record: Any) -> None:
        self.spans.append(record)


class Model:
    """Says these chunks, then fails or not. `closed` tells that it was ended."""

    def __init__(self, *chunks: ChatChunk, error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, False

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        span = call.start("chat", "llm")
        inner = call.child(span).start("inner", "tool")
        try:
            for chunk in self.chunks:
                yield chunk
            if self.error is not None:
                raise self.error
            span.usage, span.ttft_us, span.cost_nano = Usage(1200, 80), 250_000, 3_800_000
        finally:
            self.closed = True
            call.finish(span)
            call.child(span).finish(inner)


def text(said: str) -> ChatChunk:
    return ChatChunk(b"{}", text=said)


def tool(**delta: Any) -> ChatChunk:
    return ChatChunk(json.dumps({"choices": [{"delta": {"tool_calls": [delta]}}]}).encode())


async def lines_of(model: Model) -> tuple[list[dict[str, str]], Kept]:
    kept = Kept()
    heard = Heard(kept)
    call = Call(heard, trace_id="t1")
    return [json.loads(line) async for line in played(model, REQUEST, call, heard)], kept


async def test_an_answer_comes_in_lines_and_ends_with_what_it_took() -> None:
    lines, kept = await lines_of(Model(text("Hel"), text("lo\n\ud800"), text("")))
    assert [line.get("text") for line in lines[:2]] == ["Hel", "lo\n?"]
    assert lines[-1]["trace"] == "t1"
    for part in ("first 250 ms", "1,200 + 80 tokens", "cost $0.0038"):
        assert part in lines[-1]["told"]
    assert len(kept.spans) == 2  # each is handed on


async def test_tools_that_are_called_are_shown() -> None:
    calls = [
        tool(index=0, function={"name": "find", "arguments": '{"q":'}),
        tool(index=0, function={"arguments": ' "x"}'}),
    ]
    lines, _ = await lines_of(Model(*calls))
    assert "".join(line.get("text", "") for line in lines) == '\n→ find {"q": "x"}'


async def test_an_error_is_a_line_too() -> None:
    lines, _ = await lines_of(Model(text("Hel"), error=ProviderUnavailable("It is down.")))
    assert lines == [{"text": "Hel"}, {"error": "It is down.", "trace": "t1"}]
    assert [json.loads(line) async for line in failed("No such model.")] == [{"error": "No such model."}]


@pytest.mark.parametrize("stuck", ["model", "visitor"])
async def test_who_leaves_ends_the_call(stuck: str) -> None:
    """Whether the server waits for the model just then, or for the visitor to read."""
    begun, ended, kept = asyncio.Event(), asyncio.Event(), Kept()
    heard = Heard(kept)

    async def chat(request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        try:
            yield text("a")
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def receive() -> dict[str, str]:
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            begun.set()
            if stuck == "visitor":
                await asyncio.Event().wait()

    answer = Lines(played(chat, REQUEST, Call(heard), heard))
    await answer({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
    assert ended.is_set()


def test_what_is_not_known_of_an_answer_is_not_told() -> None:
    assert told_of(None) == ""
    span = Span(id="s", trace_id="t", project_id="p", name="chat", kind="llm", start_us=0, end_us=2_000_000)
    assert told_of(span) == "in all 2.00 s · cost unknown"
    span.usage, span.attributes["cache"] = Usage(3, 4, estimated=True), "exact"
    assert "about 3 + 4 tokens" in told_of(span)
    assert "from the cache (exact)" in told_of(span)
