"""One answer of the playground as it comes, in lines of JSON, down the gateway's own path. Knows nothing of prompts.

`{"text": ...}` is what an answer goes on with; `{"told": ..., "trace": ...}` its end, with times, tokens and cost, and
where its trace is; `{"error": ...}` its end where it failed.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pilothouse.call import Call, Progress, Recorder, Reservation, Span
from pilothouse.errors import PilothouseError
from pilothouse.observe.money import duration, usd
from pilothouse.protocols import Chat
from pilothouse.types import ChatChunk, ChatRequest

__all__ = ["Heard", "Lines", "failed", "played", "told_of"]


class Heard:
    """A Recorder that hands everything on and keeps the span of the call itself."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.span: Span | None = None

    def record(self, record: Span | Reservation | Progress) -> None:
        """Hand on; the last span without a parent is kept."""
        if isinstance(record, Span) and record.parent_id is None:
            self.span = record
        self._recorder.record(record)


class Lines(StreamingResponse):
    """Lines as they come. A visitor who leaves, or stops it, ends the generator at once, and so the call behind it."""

    def __init__(self, lines: AsyncGenerator[bytes]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._lines):
            await super().__call__(scope, receive, send)


async def played(chat: Chat, request: ChatRequest, call: Call, heard: Heard) -> AsyncGenerator[bytes]:
    """Ask, and tell what comes. An error is a line, too, since the answer has begun."""
    names: dict[int, str] = {}
    try:
        async with aclosing(chat(request, call)) as chunks:
            async for chunk in chunks:
                text = chunk.text + _tools(chunk, names)
                if text:
                    yield _line(text=text)
    except PilothouseError as error:
        yield _line(error=error.message, trace=call.trace_id if heard.span is not None else "")
        return
    yield _line(told=told_of(heard.span), trace=call.trace_id)


async def failed(why: str) -> AsyncGenerator[bytes]:
    """The one line of an answer that could not be asked for."""
    yield _line(error=why)


def told_of(span: Span | None) -> str:
    """Times, tokens and cost of an answer, in words."""
    if span is None:
        return ""
    told = [] if span.ttft_us is None else [f"first {duration(span.ttft_us)}"]
    told.append(f"in all {duration(span.duration_us)}")
    if span.usage is not None:
        about = "about " if span.usage.estimated else ""
        told.append(f"{about}{span.usage.input_tokens:,} + {span.usage.output_tokens:,} tokens")
    cost = usd(span.cost_nano)
    told.append(f"cost {cost}")
    if how := span.attributes.get("cache"):
        told.append(f"from the cache ({how})")
    return " · ".join(told)


def _tools(chunk: ChatChunk, names: dict[int, str]) -> str:
    """What a chunk adds to the tools that the model calls, as text: `search({"query": ...`."""
    if b'"tool_calls"' not in chunk.raw:
        return ""
    told = ""
    for choice in chunk.data.get("choices") or ():
        for n, one in enumerate((choice.get("delta") or choice.get("message") or {}).get("tool_calls") or ()):
            index, function = one.get("index", n), one.get("function") or {}
            if index not in names:
                names[index] = function.get("name") or "tool"
                told += f"\n→ {names[index]} "
            told += function.get("arguments") or ""
    return told


def _line(**values: str) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
