"""The parts of a response object: its frame, its usage, and its output items, each of which tells its own events.

An item's `added` is how it begins, `done` what it became. Knows nothing of chats: see responses_events.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pilothouse.gateway.dialects.responses_items import sealed
from pilothouse.ids import new_id
from pilothouse.types import Json, Usage

__all__ = ["Emit", "Item", "MessageItem", "ReasoningItem", "ToolItem", "annotations", "envelope", "usage_object"]

Emit = Callable[..., None]
"""Tells an event: `emit(name, **fields)`."""

_ECHOED: Json = {
    "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None}, "safety_identifier": None, "service_tier": None,
    "store": True, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
    "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": None, "background": False,
}  # fmt: skip
"""Fields of a request that its response repeats, with OpenAI's defaults."""


def envelope(body: Json, identity: str, created: int) -> Json:
    """The response object of a request that is being worked on. `created` in seconds."""
    echoed = {name: default if body.get(name) is None else body[name] for name, default in _ECHOED.items()}
    if not echoed["text"].get("format"):
        echoed["text"] = {**echoed["text"], "format": {"type": "text"}}
    return {
        "id": identity, "object": "response", "created_at": created, "status": "in_progress", "completed_at": None,
        "error": None, "incomplete_details": None, "model": body.get("model"), "output": [], "usage": None, **echoed,
    }  # fmt: skip


def usage_object(usage: Usage) -> Json:
    """The `usage` of a response."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }  # fmt: skip


def annotations(citations: Any) -> list[Json]:
    """The passages that an answer from a corpus cites: `index` is the number by which its text cites them."""
    if not isinstance(citations, list):
        return []
    return [
        {"type": "file_citation", "file_id": c["chunk_id"], "filename": c["source"], "index": c["number"],
         "place": c.get("place")}
        for c in citations if isinstance(c, dict) and {"chunk_id", "source", "number"} <= c.keys()
    ]  # fmt: skip


class Item(ABC):
    """An output item in the making, at `index` of the output."""

    prefix = ""

    def __init__(self, index: int, key: str) -> None:
        self.index = index
        self.id = f"{self.prefix}_{key}{index:03x}"
        self.done: Json = {}
        self._at = {"item_id": self.id, "output_index": index}

    @property
    @abstractmethod
    def added(self) -> Json:
        """The item as it is first shown, empty."""

    @abstractmethod
    def finish(self, status: str, emit: Emit) -> None:
        """Tell the end of the item's parts, and set `done`."""


class MessageItem(Item):
    """What the assistant says: text, or a refusal, each a part of its own."""

    prefix = "msg"

    def __init__(self, index: int, key: str) -> None:
        super().__init__(index, key)
        self._parts: list[Json] = []
        self._pieces: list[str] = []
        self._cited: Sequence[Json] = ()

    @property
    def added(self) -> Json:
        return {"id": self.id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}

    def say(self, text: str, emit: Emit, kind: str = "output_text") -> None:
        if not self._parts or self._parts[-1]["type"] != kind:
            self._finish_part(emit)
            self._parts.append(_part(kind, ""))
            self._pieces = []
            emit("response.content_part.added", **self._place, part=_part(kind, ""))
        self._pieces.append(text)
        if kind == "output_text":
            emit("response.output_text.delta", **self._place, delta=text, logprobs=[])
        else:
            emit("response.refusal.delta", **self._place, delta=text)

    def cite(self, cited: Sequence[Json]) -> None:
        """Annotations of the text."""
        self._cited = cited

    def finish(self, status: str, emit: Emit) -> None:
        if not self._parts:
            self._parts.append(_part("output_text", ""))
            emit("response.content_part.added", **self._place, part=_part("output_text", ""))
        self._finish_part(emit)
        self.done = {**self.added, "status": status, "content": self._parts}

    @property
    def _place(self) -> Json:
        return {**self._at, "content_index": len(self._parts) - 1}

    def _finish_part(self, emit: Emit) -> None:
        if not self._parts:
            return
        kind, text = self._parts[-1]["type"], "".join(self._pieces)
        self._parts[-1] = part = _part(kind, text)
        if kind == "refusal":
            emit("response.refusal.done", **self._place, refusal=text)
        else:
            part["annotations"] = list(self._cited)
            for number, cited in enumerate(self._cited):
                emit("response.output_text.annotation.added", **self._place, annotation_index=number, annotation=cited)
            emit("response.output_text.done", **self._place, text=text, logprobs=[])
        emit("response.content_part.done", **self._place, part=part)


class ReasoningItem(Item):
    """What the model thought, as a summary; `blocks` are its signed blocks, for the provider `by` alone."""

    prefix = "rs"

    def __init__(self, index: int, key: str, by: str) -> None:
        super().__init__(index, key)
        self.blocks: list[Json] = []
        self._by = by
        self._pieces: list[str] = []
        self._at_summary = {**self._at, "summary_index": 0}

    @property
    def added(self) -> Json:
        return {"id": self.id, "type": "reasoning", "summary": []}

    def say(self, text: str, emit: Emit) -> None:
        if not self._pieces:
            emit("response.reasoning_summary_part.added", **self._at_summary, part=_summary(""))
        self._pieces.append(text)
        emit("response.reasoning_summary_text.delta", **self._at_summary, delta=text)

    def finish(self, status: str, emit: Emit) -> None:
        text = "".join(self._pieces)
        if self._pieces:
            emit("response.reasoning_summary_text.done", **self._at_summary, text=text)
            emit("response.reasoning_summary_part.done", **self._at_summary, part=_summary(text))
        summary = [_summary(text)] if text else []
        self.done = {**self.added, "summary": summary, "encrypted_content": sealed(self._by, self.blocks)}


class ToolItem(Item):
    """A call of a function, or of a custom tool, whose input is text. `extra` is the provider's own about the call."""

    def __init__(self, index: int, key: str, call_id: str, name: str, *, custom: bool) -> None:
        self.prefix = "ctc" if custom else "fc"
        super().__init__(index, key)
        self.call_id = call_id or f"call_{new_id()}"
        self.extra: Json | None = None
        self._name = name
        self._custom = custom
        self._pieces: list[str] = []

    @property
    def added(self) -> Json:
        return self._shown("in_progress", "")

    def say(self, arguments: str, emit: Emit) -> None:
        if arguments:
            self._pieces.append(arguments)
            if not self._custom:
                emit("response.function_call_arguments.delta", **self._at, delta=arguments)

    def finish(self, status: str, emit: Emit) -> None:
        arguments = "".join(self._pieces)
        if self._custom:
            given = _free_text(arguments)
            emit("response.custom_tool_call_input.delta", **self._at, delta=given)
            emit("response.custom_tool_call_input.done", **self._at, input=given)
            self.done = self._shown(status, given)
        else:
            emit("response.function_call_arguments.done", **self._at, arguments=arguments)
            self.done = self._shown(status, arguments)

    def _shown(self, status: str, given: str) -> Json:
        kind, field = ("custom_tool_call", "input") if self._custom else ("function_call", "arguments")
        shown: Json = {"id": self.id, "type": kind, "status": status, "call_id": self.call_id, "name": self._name}
        shown[field] = given
        return shown if self.extra is None else {**shown, "extra_content": self.extra}


def _part(kind: str, text: str) -> Json:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _summary(text: str) -> Json:
    return {"type": "summary_text", "text": text}


def _free_text(arguments: str) -> str:
    """The input of a custom tool, out of the one argument that it is asked for as."""
    try:
        given = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return arguments
    text = given.get("input") if isinstance(given, dict) else None
    return text if isinstance(text, str) else arguments
