"""A provider whose answers are written in the test, and a recorder that keeps the spans."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.errors import PilothouseError
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, Json, Usage


class Recording:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.reserved: list[Reservation | Progress] = []

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span):
            self.spans.append(record)
        else:
            self.reserved.append(record)


def piece(text: str = "", finish: str | None = None, **more: Any) -> ChatChunk:
    """A chunk of a stream as OpenAI sends it."""
    delta: Json = {"content": text} if text else {}
    choice = {"index": 0, "delta": {**delta, **more}, "finish_reason": finish}
    return ChatChunk(msgspec.json.encode({"id": "chatcmpl-1", "choices": [choice]}), text, finish_reason=finish)


def usage_chunk(usage: Usage) -> ChatChunk:
    raw = msgspec.json.encode({"id": "chatcmpl-1", "choices": [], "usage": usage.to_openai()})
    return ChatChunk(raw, usage=usage, usage_only=True)


def whole(text: str, usage: Usage | None = None) -> ChatChunk:
    """A JSON answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    raw = msgspec.json.encode({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})
    return ChatChunk(raw, text, finish_reason="stop", usage=usage)


class Scripted:
    """Yields `steps` in order: chunks are sent, errors raised, events waited for."""

    def __init__(self, *steps: ChatChunk | PilothouseError | asyncio.Event, operations: set[str] | None = None) -> None:
        self.name = "scripted"
        self.operations = frozenset(operations or {"chat", "embeddings"})
        self.steps = steps
        self.requests: list[ChatRequest] = []
        self.asked = asyncio.Event()
        self.closed = 0

    async def chat(self, request: ChatRequest, call: Call) -> AsyncIterator[ChatChunk]:
        self.requests.append(request)
        self.asked.set()
        try:
            for step in self.steps:
                if isinstance(step, PilothouseError):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.closed += 1

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        for step in self.steps:
            if isinstance(step, PilothouseError):
                raise step
        return EmbedResponse(b'{"object":"list","data":[]}', Usage(input_tokens=3))

    async def models(self) -> list[str]:
        return ["m"]

    async def aclose(self) -> None:
        return None
