"""Writes OpenAI chat completions and embeddings from what a translation found in a vendor's answer.

Beyond OpenAI's own fields it writes these, which clients may send back in the next turn:

    message.reasoning_content            what the model thought, as text
    message.thinking_blocks              the vendor's signed thinking blocks; in a stream each comes once, complete
    message.citations                    the vendor's citations, in its own shape
    tool_calls[].extra_content           the vendor's own data about a call (Google's thought_signature)
    choices[].native_finish_reason       the vendor's own word for why it stopped

Knows nothing of HTTP or of any vendor.
"""

import base64
import struct
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from pilothouse.ids import new_id
from pilothouse.types import ChatChunk, EmbedResponse, Json, Usage

__all__ = ["Completion", "embeddings", "tool_call"]


class Completion:
    """One answer in the making. Every chunk carries the same id, model and time; `model` is the one asked for, until
    the vendor names its own.

    `one_call` keeps only the first tool call, for vendors that cannot be told `parallel_tool_calls: false`.
    """

    __slots__ = ("_blocks", "_calls", "_created", "_one_call", "_started", "_unsaid", "id", "model")

    def __init__(self, model: str, *, one_call: bool = False) -> None:
        self.id = f"chatcmpl-{new_id()}"
        self.model = model
        self._created = int(time.time())
        self._one_call = one_call
        self._started = False
        self._calls = 0
        self._unsaid = False  # the latest call has no arguments yet
        self._blocks: dict[str, int] = {}

    # ---- streamed

    def text(self, text: str) -> list[ChatChunk]:
        return [self._delta({"content": text}, text=text)] if text else []

    def reasoning(self, text: str, **also: Any) -> list[ChatChunk]:
        return [self._delta({"reasoning_content": text, **also}, reasoning=text)] if text else []

    def block(self, name: str, block: Json) -> list[ChatChunk]:
        """An entry of a list-valued field, such as `thinking_blocks`. Its `index` lets clients add lists up."""
        index = self._blocks.get(name, 0)
        self._blocks[name] = index + 1
        return [self._delta({name: [{"index": index, **block}]})]

    def call(self, id: str, name: str, arguments: str = "", **also: Any) -> list[ChatChunk]:
        """A tool call begins; `arguments` is the JSON text known so far."""
        chunks = self._call_end()
        self._calls += 1
        if not self._dropping:
            self._unsaid = not arguments
            call = {"index": self._calls - 1, **tool_call(id, name, arguments, **also)}
            chunks.append(self._delta({"tool_calls": [call]}))
        return chunks

    def arguments(self, text: str) -> list[ChatChunk]:
        """More of the JSON text of the latest call's arguments."""
        if self._dropping or not text:
            return []
        self._unsaid = False
        return [self._delta({"tool_calls": [{"index": self._calls - 1, "function": {"arguments": text}}]})]

    def finish(self, reason: str, native: str | None, usage: Usage | None, **delta: Any) -> list[ChatChunk]:
        """The last chunks: why it stopped, then (where the vendor counted) the usage. `delta` are last fields."""
        chunks = [*self._call_end(), self._delta(delta, reason, native)]
        if usage is not None:
            raw = msgspec.json.encode(self._envelope("chat.completion.chunk", [], usage))
            chunks.append(ChatChunk(raw, usage=usage, usage_only=True, model=self.model))
        return chunks

    # ---- whole

    def whole(
        self,
        reason: str,
        native: str | None,
        usage: Usage | None,
        *,
        text: str = "",
        reasoning: str = "",
        calls: Sequence[Json] = (),
        **extra: Any,
    ) -> ChatChunk:
        """The answer in one piece; `extra` are further fields of the message, left out where empty."""
        message: Json = {"role": "assistant", "content": text if text or not calls else None}
        if reasoning:
            message["reasoning_content"] = reasoning
        if calls:
            message["tool_calls"] = list(calls[:1] if self._one_call else calls)
        message |= {name: value for name, value in extra.items() if value}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        if native is not None:
            choice["native_finish_reason"] = native
        raw = msgspec.json.encode(self._envelope("chat.completion", [choice], usage))
        return ChatChunk(raw, text, reasoning, reason, usage, model=self.model)

    @property
    def _dropping(self) -> bool:
        return self._one_call and self._calls > 1

    def _call_end(self) -> list[ChatChunk]:
        """`{}` for a call that ends without arguments: Anthropic and Bedrock stream nothing where there are none."""
        return self.arguments("{}") if self._unsaid else []

    def _delta(
        self, delta: Json, reason: str | None = None, native: str | None = None, text: str = "", reasoning: str = ""
    ) -> ChatChunk:
        if not self._started:
            self._started = True
            delta = {"role": "assistant", **delta}
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        if native is not None:
            choice["native_finish_reason"] = native
        raw = msgspec.json.encode(self._envelope("chat.completion.chunk", [choice], None))
        return ChatChunk(raw, text, reasoning, reason, model=self.model)

    def _envelope(self, kind: str, choices: list[Json], usage: Usage | None) -> Json:
        body = {"id": self.id, "object": kind, "created": self._created, "model": self.model, "choices": choices}
        return body if usage is None else {**body, "usage": usage.to_openai()}


def tool_call(id: str, name: str, arguments: str, **also: Any) -> Json:
    """An entry of `tool_calls`; `also` are further fields, left out where empty."""
    call: Json = {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return call | {key: value for key, value in also.items() if value}


def embeddings(
    vectors: Sequence[Sequence[float]], model: str, usage: Usage | None, encoding: str | None
) -> EmbedResponse:
    """An embeddings answer. `encoding` base64 packs each vector as little-endian float32, as OpenAI does."""
    data = [
        {"object": "embedding", "index": i, "embedding": _packed(vector) if encoding == "base64" else vector}
        for i, vector in enumerate(vectors)
    ]
    body: Json = {"object": "list", "data": data, "model": model}
    tokens = usage.input_tokens if usage else 0
    body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return EmbedResponse(msgspec.json.encode(body), usage)


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
