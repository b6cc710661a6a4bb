"""Reads what a passed-on answer used, while it passes: JSON, server-sent events or Bedrock's event stream.

In the shapes of OpenAI (chat, completions, responses, embeddings), Anthropic, Google, Bedrock and Cohere. It holds no
more than the end of an answer, and never fails: what it cannot read it knows nothing of.
"""

import re
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from pilothouse.errors import ProviderProtocolError
from pilothouse.gateway.meter import estimate_tokens
from pilothouse.providers.anthropic_wire import read_usage
from pilothouse.providers.aws import EventFrames
from pilothouse.providers.bedrock_wire import usage_of as bedrock_usage
from pilothouse.providers.cohere_wire import billed
from pilothouse.providers.cohere_wire import usage_of as cohere_usage
from pilothouse.providers.failures import UNREADABLE
from pilothouse.providers.google_wire import usage_of
from pilothouse.providers.sse import SseReader
from pilothouse.providers.usage import counted, openai_usage, part_of
from pilothouse.types import Json, Usage

__all__ = ["AnswerWatch", "usage_in"]

_HELD = 1024 * 1024
_TAIL = 64 * 1024  # of a longer JSON answer: vendors write the usage behind the content
_USAGE = re.compile(rb'(?<!\\)"(usage|usageMetadata|meta)"\s*:\s*(?=\{)')
_ODD = (TypeError, ValueError, KeyError, AttributeError)


class _Frames(Protocol):
    def feed(self, fragment: bytes, /) -> list[Any]: ...


class AnswerWatch:
    """Feed it the pieces of one answer. `usage` and `model` are then what it told, `written` an estimate of the tokens
    of the text that was seen, `head` its first bytes."""

    def __init__(self, content_type: str) -> None:
        self.model: str | None = None
        self.head = b""
        self._characters = self._events = 0
        self._told: Json = {}
        self._usage: Usage | None = None
        self._frames: _Frames | None = None
        if "event-stream" in content_type:
            self._frames = SseReader()
        elif "vnd.amazon.eventstream" in content_type:
            self._frames = EventFrames()
        self._json = "json" in content_type
        self._held = bytearray()
        self._whole = True

    @property
    def written(self) -> int:
        return max(self._events, estimate_tokens(self._characters))

    @property
    def usage(self) -> Usage | None:
        if self._held:
            held, self._held = bytes(self._held), bytearray()
            self._read_json(held)
        return self._usage

    def feed(self, piece: bytes) -> None:
        if len(self.head) < _TAIL:
            self.head += piece[: _TAIL - len(self.head)]
        if self._frames is not None:
            self._feed_events(self._frames.feed, piece)
        elif self._json:
            self._held += piece
            if len(self._held) > _HELD:
                self._whole = False
                del self._held[:-_TAIL]

    def _feed_events(self, feed: Callable[[bytes], list[Any]], piece: bytes) -> None:
        try:
            for event in feed(piece):
                data = event if isinstance(event, dict) else _decoded(event)
                if isinstance(data, dict):
                    self._look(data)
        except (ProviderProtocolError, ValueError):
            self._frames = None

    def _read_json(self, raw: bytes) -> None:
        data = _decoded(raw) if self._whole else None
        if data is None:
            for match in _USAGE.finditer(raw):
                try:
                    told = msgspec.json.decode(raw[match.end() : _end_of_object(raw, match.end())])
                except UNREADABLE:
                    continue
                self._look({match.group(1).decode(): told})
            return
        for item in data if isinstance(data, list) else [data]:
            if isinstance(item, dict):
                self._look(item)

    def _look(self, data: Json) -> None:
        """One event, or one whole answer."""
        try:
            inner: Json = next(
                (data[n] for n in ("response", "message", "metadata") if isinstance(data.get(n), dict)), {}
            )
            model = data.get("model") or data.get("modelVersion") or inner.get("model")
            if isinstance(model, str):
                self.model = model
            characters = len(_text(data))
            self._characters += characters
            self._events += bool(characters)
            told = data.get("usage") or inner.get("usage") or part_of(data.get("delta"), "usage")
            if data.get("type") in ("message_start", "message_delta") and isinstance(told, dict):
                self._told |= {name: value for name, value in told.items() if value is not None}
                told = self._told
            found = usage_in({**data, "usage": told})
        except _ODD:
            return
        if found is not None:
            self._usage = found


def usage_in(data: Json) -> Usage | None:
    """The usage that an answer or event tells of, None where it tells of none."""
    if "usageMetadata" in data:
        return usage_of(data["usageMetadata"])
    told = data.get("usage")
    if not isinstance(told, dict) or not told:
        return billed(data.get("meta"))
    if "billed_units" in told:
        return cohere_usage(told)
    if "inputTokens" in told:
        return bedrock_usage(told)
    if "input_tokens" in told:
        openai = "total_tokens" in told or "input_tokens_details" in told
        return openai_usage(told, "input", "output") if openai else read_usage(told)
    if told.get("prompt_tokens") is None and told.get("completion_tokens") is None:
        return counted(told.get("total_tokens"), None)
    return openai_usage(told)


def _text(data: Json) -> str:
    """The text that an answer or event adds, in any of the shapes; empty where there is none."""
    found: list[Any] = []
    for choice in data.get("choices") or ():
        part = choice.get("delta") or choice.get("message") or {}
        found += [choice.get("text"), part.get("content"), part.get("reasoning_content")]
        found += [call["function"].get("arguments") for call in part.get("tool_calls") or () if "function" in call]
    delta = data.get("delta")
    if isinstance(delta, dict):
        found += [delta.get("text"), delta.get("thinking"), delta.get("partial_json")]
    elif str(data.get("type")).endswith(".delta"):
        found.append(delta)
    for candidate in data.get("candidates") or ():
        found += [part.get("text") for part in (candidate.get("content") or {}).get("parts") or ()]
    for message in (data, data.get("message"), part_of(delta, "message")):  # the latter two are Cohere's
        found += _said(message) if isinstance(message, dict) else ()
    return "".join(one for one in found if isinstance(one, str))


def _said(message: Json) -> list[Any]:
    """What the content of a message, or a part of it, says."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    return [block.get(kind) for block in blocks if isinstance(block, dict) for kind in ("text", "thinking")]


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None


def _end_of_object(raw: bytes, start: int) -> int:
    """Behind the object that begins at `start`; usage objects hold no braces in their texts."""
    depth = 0
    for at in range(start, len(raw)):
        depth += (raw[at] == 0x7B) - (raw[at] == 0x7D)
        if depth == 0:
            return at + 1
    return len(raw)
