"""A stream of Anthropic's messages: a channel for each block."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pilothouse.gateway.guarding.answers import Part
from pilothouse.gateway.guarding.deltas import Channel, Delta, Event, encode, retold
from pilothouse.types import ChatChunk, Json

__all__ = ["Blocks"]


class Blocks:
    """Anthropic's messages: a channel for each block."""

    _PARTS: Mapping[str, tuple[Part, str]] = {
        "text_delta": ("text", "text"), "input_json_delta": ("arguments", "partial_json"),
    }  # fmt: skip

    def __init__(self) -> None:
        self._open: dict[int, Channel] = {}
        self._kinds: dict[Channel, str] = {}
        self._next = 0
        self._usage: Json = {"output_tokens": 0}

    def read(self, chunk: ChatChunk) -> Event:
        event = Event(chunk, chunk.data)
        data, kind = event.data, event.data.get("type")
        index = data.get("index", 0)
        if kind == "content_block_start":
            self._next = index + 1
            block = data.get("content_block") or {}
            if block.get("type") == "text":
                channel = self._open[index] = Channel(("text", index))
                self._kinds[channel] = "text_delta"
                if block.get("text"):
                    event.deltas.append(Delta(channel, block["text"], ("content_block", "text")))
        elif kind == "content_block_delta":
            delta = data.get("delta") or {}
            part = self._PARTS.get(str(delta.get("type")))
            if part is not None and delta.get(part[1]):
                channel = self._open[index] = Channel((part[0], index))
                self._kinds[channel] = str(delta["type"])
                event.deltas.append(Delta(channel, delta[part[1]], ("delta", part[1])))
        elif kind == "content_block_stop" and index in self._open:
            event.ends.append(self._open.pop(index))
        elif kind in ("message_delta", "message_stop"):
            self._usage = data.get("usage") or self._usage
            event.all_end = True
        return event

    def write(self, event: Event, texts: Mapping[Channel, str]) -> ChatChunk | None:
        if not event.deltas:
            return event.chunk
        left = any(texts.get(one.channel) for one in event.deltas)
        return retold(event, texts) if left or event.data.get("type") == "content_block_start" else None

    def add(self, channel: Channel, text: str) -> ChatChunk:
        kind = self._kinds[channel]
        said = {"type": kind, self._PARTS[kind][1]: text}
        raw = encode({"type": "content_block_delta", "index": channel[1], "delta": said})
        return ChatChunk(raw, text if channel.part == "text" else "", event=b"content_block_delta")

    def stop(self, finish: str, said: str) -> Sequence[ChatChunk]:
        made = [self._event({"type": "content_block_stop", "index": index}) for index in sorted(self._open)]
        if said:
            index = self._next
            block = {"type": "text", "text": ""}
            made.append(self._event({"type": "content_block_start", "index": index, "content_block": block}))
            delta = {"type": "text_delta", "text": said}
            made.append(self._event({"type": "content_block_delta", "index": index, "delta": delta}, said))
            made.append(self._event({"type": "content_block_stop", "index": index}))
        reason = "refusal" if finish == "content_filter" else "end_turn"
        ending = {"stop_reason": reason, "stop_sequence": None}
        last = self._event({"type": "message_delta", "delta": ending, "usage": self._usage})
        made.append(replace(last, finish_reason=finish))
        made.append(self._event({"type": "message_stop"}))
        return made

    def _event(self, data: Json, text: str = "") -> ChatChunk:
        return ChatChunk(encode(data), text, event=data["type"].encode())
