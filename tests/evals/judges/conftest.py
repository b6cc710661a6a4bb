"""A judge that says what it is told to: it stands where the gateway would."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec
import pytest

from pilothouse.call import Call
from pilothouse.evals.shapes import Case, Models
from pilothouse.protocols import Encode
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.testing.record import MemoryRecorder
from pilothouse.types import ChatChunk, ChatRequest, Json

CASE = Case(id="1", input="Who wrote it?", output="Ada did.", context=("Ada wrote it.", "Tea is hot."), expected="Ada.")


class Scripted:
    """A Chat that answers with `answers`, one a question and the last one for ever: a text, JSON to be written, or an
    error to raise. What was asked is in `asked`. Each answer costs `nano`; an answerer may be a function of the
    request, too."""

    def __init__(self, *answers: Any, nano: int | None = 7) -> None:
        self.answers = list(answers)
        self.nano = nano
        self.asked: list[ChatRequest] = []
        self.calls: list[Call] = []
        self.recorder = MemoryRecorder()

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked.append(request)
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = answer(request) if callable(answer) else answer
        span = call.start(f"chat {request.model}", "llm")
        try:
            if isinstance(answer, BaseException):
                raise answer
            if answer is HANGING:
                await asyncio.Event().wait()
            span.cost_nano, span.cost_known = self.nano, self.nano is not None
            yield ChatChunk(answer if isinstance(answer, bytes) else said(answer))
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            call.finish(span)

    @property
    def prompts(self) -> list[str]:
        """What stood in the last user message of each question."""
        return [request.last_user_text() for request in self.asked]


HANGING = object()
"""An answer that never comes."""


def said(answer: Any, **choice: Any) -> bytes:
    """The body of a chat completion that says this."""
    text = answer if isinstance(answer, str) or answer is None else msgspec.json.encode(answer).decode()
    message: Json = {"role": "assistant", "content": text, **choice.pop("message", {})}
    whole = {"index": 0, "message": message, "finish_reason": "stop", **choice}
    return msgspec.json.encode({"id": "a", "object": "chat.completion", "model": "m", "choices": [whole]})


Ask = Callable[..., Models]


class HashedWords:
    """The encoder as evaluators see it, over counted words."""

    async def __call__(self, texts: Any) -> Any:
        return HashingEncoder(512).encode(texts)

    async def count_tokens(self, texts: Any) -> list[int]:
        return [HashingEncoder().count_tokens(text) for text in texts]


def models_of(chat: Scripted, judge: str | None = "wise", encode: Encode | None = None) -> Models:
    return Models(make_call=lambda: Call(recorder=chat.recorder), chat=chat, judge=judge, encode=encode)


@pytest.fixture
def encode() -> HashedWords:
    return HashedWords()
