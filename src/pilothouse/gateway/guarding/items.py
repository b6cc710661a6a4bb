"""A stream of OpenAI's responses: a channel for each part of each item."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pilothouse.gateway.guarding.answers import Part
from pilothouse.gateway.guarding.deltas import NOTHING, Channel, Delta, Event, encode
from pilothouse.types import ChatChunk, Json

__all__ = ["Items"]


class Items:
    """OpenAI's responses: a channel for each part of each item. Events are numbered anew."""

    _DELTAS: Mapping[str, Part] = {
        "response.output_text.delta": "text", "response.refusal.delta": "text",
        "response.function_call_arguments.delta": "arguments", "response.custom_tool_call_input.delta": "arguments",
        "response.reasoning_summary_text.delta": "reasoning", "response.reasoning_text.delta": "reasoning",
    }  # fmt: skip
    _DONE: Mapping[str, tuple[str, str]] = {
        "response.output_text.done": ("response.output_text.delta", "text"),
        "response.refusal.done": ("response.refusal.delta", "refusal"),
        "response.function_call_arguments.done": ("response.function_call_arguments.delta", "arguments"),
        "response.custom_tool_call_input.done": ("response.custom_tool_call_input.delta", "input"),
        "response.reasoning_summary_text.done": ("response.reasoning_summary_text.delta", "text"),
        "response.reasoning_text.done": ("response.reasoning_text.delta", "text"),
    }  # fmt: skip

    def __init__(self) -> None:
        self._left: dict[Channel, str] = {}
        self._last: dict[Channel, Json] = {}
        self._response: Json = {}
        self._items: dict[int, Json] = {}
        self._count = 0

    def read(self, chunk: ChatChunk) -> Event:
        event = Event(chunk, chunk.data)
        data, kind = event.data, str(event.data.get("type"))
        part = self._DELTAS.get(kind)
        if part is not None:
            channel = self._channel(part, data)
            self._last[channel] = data
            event.deltas.append(Delta(channel, str(data.get("delta") or ""), ("delta",)))
        elif kind in self._DONE:
            event.ends.append(self._channel(self._DELTAS[self._DONE[kind][0]], data))
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._items[data.get("output_index", 0)] = data.get("item") or {}
        elif isinstance(data.get("response"), dict):
            self._response = data["response"]
            event.all_end = kind in ("response.completed", "response.incomplete", "response.failed")
        return event

    def write(self, event: Event, texts: Mapping[Channel, str]) -> ChatChunk | None:
        data, kind = event.data, str(event.data.get("type"))
        if event.deltas:
            (delta,) = event.deltas
            text = texts.get(delta.channel, "")
            return self.add(delta.channel, text, event.chunk) if text else None
        if kind in self._DONE:
            channel = self._channel(self._DELTAS[self._DONE[kind][0]], data)
            data = {**data, self._DONE[kind][1]: self._left.get(channel, "")}
        elif kind == "response.content_part.done" and isinstance(data.get("part"), dict):
            data = {**data, "part": self._part(data["part"], data.get("output_index", 0), data.get("content_index", 0))}
        elif kind == "response.output_item.done" and isinstance(data.get("item"), dict):
            data = {**data, "item": self._item(data["item"], data.get("output_index", 0))}
        elif event.all_end:
            output = [self._item(one, at) for at, one in enumerate(data["response"].get("output") or NOTHING)]
            data = {**data, "response": {**data["response"], "output": output}}
        return replace(event.chunk, raw=self._numbered(data))

    def add(self, channel: Channel, text: str, chunk: ChatChunk | None = None) -> ChatChunk:
        self._left[channel] = self._left.get(channel, "") + text
        raw = self._numbered({**self._last[channel], "delta": text})
        said, thought = (text if channel.part == one else "" for one in ("text", "reasoning"))
        if chunk is not None:
            return replace(chunk, raw=raw, text=said, reasoning=thought)
        return ChatChunk(raw, said, thought, event=str(self._last[channel]["type"]).encode())

    def stop(self, finish: str, said: str) -> Sequence[ChatChunk]:
        for channel in [*self._last]:
            self._left.setdefault(channel, "")
        output = [self._item(item, at) for at, item in sorted(self._items.items()) if item.get("type") == "message"]
        if said:
            part = {"type": "output_text", "text": said, "annotations": []}
            output.append({"type": "message", "id": f"msg_{self._response.get('id', '')}", "role": "assistant",
                           "status": "completed", "content": [part]})  # fmt: skip
        status = "incomplete" if finish == "content_filter" else "completed"
        why = {"reason": "content_filter"} if status == "incomplete" else None
        response = {**self._response, "status": status, "incomplete_details": why, "output": output}
        name = f"response.{status}"
        raw = self._numbered({"type": name, "response": response})
        return [ChatChunk(raw, said, finish_reason=finish, event=name.encode())]

    def _channel(self, part: Part, data: Json) -> Channel:
        which = data.get("content_index", data.get("summary_index", 0))
        return Channel((part, data.get("output_index", 0), 0 if part == "arguments" else which))

    def _item(self, item: Json, at: int) -> Json:
        made = dict(item)
        content = item.get("content")
        if isinstance(content, list) and item.get("type") == "message":
            made["content"] = [self._part(part, at, number) for number, part in enumerate(content)]
        for name in ("arguments", "input"):
            if isinstance(item.get(name), str):
                made[name] = self._left.get(Channel(("arguments", at, 0)), item[name])
        return made

    def _part(self, part: Json, item: int, number: int) -> Json:
        name = "refusal" if part.get("type") == "refusal" else "text"
        left = self._left.get(Channel(("text", item, number)))
        return part if left is None or name not in part else {**part, name: left}

    def _numbered(self, data: Json) -> bytes:
        made = encode({**data, "sequence_number": self._count})
        self._count += 1
        return made
