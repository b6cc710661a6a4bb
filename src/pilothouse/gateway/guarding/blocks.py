"""A stream of Anthropic's messages: a channel for each block."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pilothouse.gateway.guarding.answers import Part
from pilothouse.gateway.guarding.deltas import Channel, Delta, Event, encode, retold
from pilothouse.types import ChatChunk, Json, Usage

__all__ = ["Blocks"]


class Blocks:
    """Anthropic's messages: a channel for each block. What a model thought and signed is sent on as it is."""

    _PARTS: Mapping[str, tuple[Part, str]] = {
        "text_delta": ("text", "text"), "input_json_delta": ("arguments", "partial_json"),
    }  # fmt: skip
    _READ = ("text", "tool_use", "server_tool_use", "mcp_tool_use")

    def __init__(self) -> None:
        self._open: dict[int, str] = {}  # the blocks by their number, with their type
        self._kinds: dict[Channel, str] = {}
        self._calls: dict[int, int] = {}  # of each block that calls a tool, which call it is
        self._next = 0
        self._usage: Json = {}

    def read(self, chunk: ChatChunk) -> Event:
        event = Event(chunk, chunk.data)
        data, kind = event.data, event.data.get("type")
        index = data.get("index", 0)
        if kind == "content_block_start":
            self._start(event, data.get("content_block") or {}, index)
        elif kind == "content_block_delta":
            delta = data.get("delta") or {}
            part = self._PARTS.get(str(delta.get("type")))
            if part is not None and delta.get(part[1]):
                channel = Channel((part[0], index))
                self._kinds[channel] = str(delta["type"])
                event.deltas.append(Delta(channel, delta[part[1]], ("delta", part[1])))
        elif kind == "content_block_stop":
            event.ends += [one for one in self._kinds if one[1] == index]
        elif kind == "message_start":
            self._usage |= (data.get("message") or {}).get("usage") or {}
        elif kind in ("message_delta", "message_stop"):
            self._usage |= data.get("usage") or {}
            event.all_end = True
        return event

    def _start(self, event: Event, block: Json, index: int) -> None:
        kind = str(block.get("type"))
        self._open[index], self._next = kind, index + 1
        if kind == "tool_use":
            self._calls[index] = len(self._calls)
        if kind not in self._READ:
            event.unread = kind
        elif kind == "text" and block.get("text"):
            channel = Channel(("text", index))
            self._kinds[channel] = "text_delta"
            event.deltas.append(Delta(channel, block["text"], ("content_block", "text")))

    def write(self, event: Event, texts: Mapping[Channel, str]) -> ChatChunk | None:
        kind = event.data.get("type")
        if kind == "content_block_stop":
            self._open.pop(event.data.get("index", 0), None)
        if not event.deltas:
            return event.chunk
        left = any(texts.get(one.channel) for one in event.deltas)
        return retold(event, texts) if left or kind == "content_block_start" else None

    def add(self, channel: Channel, text: str) -> ChatChunk:
        kind, index = self._kinds[channel], channel[1]
        said = {"type": kind, self._PARTS[kind][1]: text}
        raw = encode({"type": "content_block_delta", "index": index, "delta": said})
        chunk = ChatChunk(raw, text if channel.part == "text" else "", event=b"content_block_delta")
        if channel.part == "arguments" and index in self._calls:
            chunk.tool_calls = [{"index": self._calls[index], "function": {"arguments": text}}]
        return chunk

    def stop(self, finish: str, said: str, usage: Usage) -> Sequence[ChatChunk]:
        made = [self._event({"type": "content_block_stop", "index": index}) for index in sorted(self._open)]
        if said:
            index = self._next
            block = {"type": "text", "text": ""}
            made.append(self._event({"type": "content_block_start", "index": index, "content_block": block}))
            delta = {"type": "text_delta", "text": said}
            made.append(self._event({"type": "content_block_delta", "index": index, "delta": delta}, said))
            made.append(self._event({"type": "content_block_stop", "index": index}))
        reason = "refusal" if finish == "content_filter" else "end_turn"
        told = {"input_tokens": usage.input_tokens, **self._usage, "output_tokens": usage.output_tokens}
        ending = {"stop_reason": reason, "stop_sequence": None}
        last = self._event({"type": "message_delta", "delta": ending, "usage": told})
        made.append(replace(last, finish_reason=finish, usage=usage))
        made.append(self._event({"type": "message_stop"}))
        return made

    def _event(self, data: Json, text: str = "") -> ChatChunk:
        return ChatChunk(encode(data), text, event=data["type"].encode())
