"""An answer that no model gave, in the dialect of its request: a refusal, or a fallback."""

import time
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from pilothouse.call import Call
from pilothouse.errors import Unsupported
from pilothouse.gateway.bridge import bridged
from pilothouse.ids import new_id
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, Json, Usage

__all__ = ["canned"]

_NOTHING = Usage()


def canned(
    request: ChatRequest, call: Call, text: str, finish: str = "stop", usage: Usage | None = None
) -> AsyncGenerator[ChatChunk]:  # fmt: skip
    """The chunks that say `text` and end for this reason. `usage` is that of an answer in whose place this stands."""
    plain = ChatRequest(request.body, request.operation, request.translated, (), request.headers)
    return bridged(_Canned(text, finish, usage or _NOTHING), plain)(plain, call)


class _Canned:
    """A provider whose every chat says the same."""

    name = "guard"
    operations = frozenset(("chat",))

    def __init__(self, text: str, finish: str, usage: Usage) -> None:
        self._text, self._finish, self._usage = text, finish, usage

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        streams = request.stream
        head: Json = {"id": f"chatcmpl-{new_id()}", "created": int(time.time()), "model": request.model}
        head["object"] = "chat.completion.chunk" if streams else "chat.completion"
        usage = self._usage.to_openai()
        if not streams:
            message = {"role": "assistant", "content": self._text}
            yield self._chunk({**head, "choices": [self._choice("message", message, self._finish)], "usage": usage})
            return
        said = {"role": "assistant", "content": self._text}
        first = msgspec.json.encode({**head, "choices": [self._choice("delta", said, None)]})
        yield ChatChunk(first, self._text, model=request.model)
        last = msgspec.json.encode({**head, "choices": [self._choice("delta", {}, self._finish)]})
        yield ChatChunk(last, finish_reason=self._finish, model=request.model)
        yield ChatChunk(
            msgspec.json.encode({**head, "choices": [], "usage": usage}), usage=self._usage, usage_only=True
        )

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        raise Unsupported("This answers chats alone.")

    async def models(self) -> list[str]:
        return []

    async def aclose(self) -> None:
        return None

    def _chunk(self, body: Json) -> ChatChunk:
        return ChatChunk(
            msgspec.json.encode(body), self._text, finish_reason=self._finish, usage=self._usage, model=body["model"]
        )

    def _choice(self, part: str, message: Json, finish: str | None) -> dict[str, Any]:
        return {"index": 0, part: message, "finish_reason": finish}
