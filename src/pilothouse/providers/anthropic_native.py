"""Anthropic's Messages forwarded as they come: the few edits of a request, and what the gateway reads of an answer.

A conversation may have been answered by other models before. What they left and Anthropic would refuse is taken out:
thinking without a signature, and characters in the ids of tool calls. Everything else reaches Anthropic untouched, as
do the caller's `anthropic-beta` and `anthropic-version`. Knows nothing of HTTP.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pilothouse.providers.anthropic_wire import STOPS, read_usage, safe_id
from pilothouse.types import ChatChunk, Json

__all__ = ["NativeReader", "caller_headers", "forwarded"]

_BETA = "anthropic-beta"
_IDS = {"tool_use": "id", "tool_result": "tool_use_id"}


def forwarded(body: Json) -> Json:
    """The body to send: the caller's own where it needs no edit."""
    if not any(_is_foreign(block) for message in body["messages"] for block in _blocks(message)):
        return body
    messages = [message for given in body["messages"] if (message := _message(given)) is not None]
    return {**body, "messages": messages}


def caller_headers(given: Iterable[tuple[str, str]], own: Mapping[str, str]) -> dict[str, str]:
    """The `given` headers of a caller to send in place of the provider's `own`; beta features of both are asked for."""
    names = {name.lower(): name for name in own}
    headers: dict[str, str] = {}
    for name, value in given:
        key = names.get(name, name)
        if name == _BETA and key in own:
            value = ",".join(dict.fromkeys(part.strip() for part in f"{own[key]},{value}".split(",")))
        headers[key] = value
    return headers


def _blocks(message: Json) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _is_foreign(block: Any) -> bool:
    """Whether another model left this block in a form that Anthropic refuses."""
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "thinking":
        return not block.get("signature")
    if isinstance(kind, str) and kind in _IDS:
        given = block.get(_IDS[kind])
        return isinstance(given, str) and safe_id(given) != given
    return False


def _message(message: Json) -> Json | None:
    """The message as Anthropic takes it; None where nothing is left of it."""
    kept = []
    for block in _blocks(message):
        if not _is_foreign(block):
            kept.append(block)
        elif block["type"] != "thinking":
            name = _IDS[block["type"]]
            kept.append({**block, name: safe_id(block[name])})
    if not _blocks(message):
        return message
    return {**message, "content": kept} if kept else None


class _Block(msgspec.Struct):
    type: str
    id: str = ""
    name: str = ""
    text: str | None = None
    thinking: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"")


class _Message(msgspec.Struct):
    model: str
    content: list[_Block]
    usage: Any = None
    stop_reason: str | None = None


class _Delta(msgspec.Struct):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: Any = None


_read_event = msgspec.json.Decoder(_Event).decode
_read_message = msgspec.json.Decoder(_Message).decode


class NativeReader:
    """Reads one answer: `whole`, or `feed` for each event until `done`. Raises msgspec.DecodeError for any other form.

    `failed` is true after an event that tells of an error.
    """

    def __init__(self) -> None:
        self.done = False
        self.failed = False
        self._usage: Json = {}
        self._calls = 0
        self._in_call = False

    def whole(self, raw: bytes) -> ChatChunk:
        message = _read_message(raw)
        calls = [
            _call(position, block, bytes(block.input).decode())
            for position, block in enumerate(block for block in message.content if block.type == "tool_use")
        ]
        return ChatChunk(
            raw,
            "".join(block.text or "" for block in message.content if block.type == "text"),
            "".join(block.thinking or "" for block in message.content),
            STOPS.get(message.stop_reason or "", "stop"),
            read_usage(message.usage),
            model=message.model,
            tool_calls=calls or None,
        )

    def feed(self, raw: bytes) -> ChatChunk:
        """The event as a chunk. The usage comes with its last figures, so that a stream that is cut is estimated."""
        event = _read_event(raw)
        chunk = ChatChunk(raw, event=event.type.encode())
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._add_delta(event.delta, chunk)
            case "content_block_start" if event.content_block is not None:
                self._start(event.content_block, chunk)
            case "message_start" if event.message is not None:
                chunk.model = event.message.model
                self._count(event.message.usage)
            case "message_delta":
                self._count(event.usage)
                chunk.usage = read_usage(self._usage)
                if event.delta is not None and event.delta.stop_reason is not None:
                    chunk.finish_reason = STOPS.get(event.delta.stop_reason, "stop")
            case "message_stop":
                self.done = True
            case "error":
                self.failed = True
        return chunk

    def _start(self, block: _Block, chunk: ChatChunk) -> None:
        self._in_call = block.type == "tool_use"
        if self._in_call:
            chunk.tool_calls = [_call(self._calls, block, "")]
            self._calls += 1
        elif block.type == "text":
            chunk.text = block.text or ""
        elif block.type == "thinking":
            chunk.reasoning = block.thinking or ""

    def _add_delta(self, delta: _Delta, chunk: ChatChunk) -> None:
        chunk.text, chunk.reasoning = delta.text or "", delta.thinking or ""
        if delta.partial_json and self._in_call:
            chunk.tool_calls = [{"index": self._calls - 1, "function": {"arguments": delta.partial_json}}]

    def _count(self, usage: Any) -> None:
        """The figures of a stream are cumulative: the latest of each counts."""
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}


def _call(index: int, block: _Block, arguments: str) -> Json:
    """A tool call as a chat says it."""
    return {
        "index": index, "id": block.id, "type": "function", "function": {"name": block.name, "arguments": arguments}
    }  # fmt: skip
