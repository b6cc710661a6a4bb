"""A stream of OpenAI's responses: a channel for each part of each item."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pilothouse.gateway.dialects.responses_output import usage_object
from pilothouse.gateway.guarding.answers import Part
from pilothouse.gateway.guarding.deltas import NOTHING, Channel, Delta, Event, encode, without_logprobs
from pilothouse.types import ChatChunk, Json, Usage

__all__ = ["Items"]

_DELTAS: Mapping[str, Part] = {
    "response.output_text.delta": "text", "response.refusal.delta": "text",
    "response.function_call_arguments.delta": "arguments", "response.custom_tool_call_input.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.reasoning_summary_text.delta": "reasoning", "response.reasoning_text.delta": "reasoning",
}  # fmt: skip
_DONE: Mapping[str, tuple[str, str]] = {
    "response.output_text.done": ("response.output_text.delta", "text"),
    "response.refusal.done": ("response.refusal.delta", "refusal"),
    "response.function_call_arguments.done": ("response.function_call_arguments.delta", "arguments"),
    "response.custom_tool_call_input.done": ("response.custom_tool_call_input.delta", "input"),
    "response.mcp_call_arguments.done": ("response.mcp_call_arguments.delta", "arguments"),
    "response.reasoning_summary_text.done": ("response.reasoning_summary_text.delta", "text"),
    "response.reasoning_text.done": ("response.reasoning_text.delta", "text"),
}  # fmt: skip
_READ = ("message", "reasoning", "function_call", "custom_tool_call", "mcp_call")
_ENDINGS = ("response.completed", "response.incomplete", "response.failed")


class Items:
    """OpenAI's responses: a channel for each part of each item. Events are numbered anew. What an event tells of a
    whole text, or of all of them, is what has left of it; a text that no delta told is looked at there."""

    def __init__(self) -> None:
        self._left: dict[Channel, str] = {}
        self._last: dict[Channel, Json] = {}  # an event that adds to the channel
        self._response: Json = {}
        self._items: dict[int, Json] = {}
        self._open: dict[int, Json] = {}
        self._parts: dict[tuple[int, int], Json] = {}  # open parts of messages: the events that began them
        self._count = 0

    def read(self, chunk: ChatChunk) -> Event:
        event = Event(chunk, chunk.data)
        data, kind = event.data, str(event.data.get("type"))
        at = data.get("output_index", 0)
        if kind in _DELTAS:
            channel = _channel(kind, data)
            self._last[channel] = data
            event.deltas.append(Delta(channel, str(data.get("delta") or ""), ("delta",)))
        elif kind in _DONE:
            name, field = _DONE[kind]
            channel = _channel(name, data)
            self._told(event, channel, data.get(field), {**data, "type": name})
            event.ends.append(channel)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item = self._items[at] = data.get("item") or {}
            if item.get("type") not in _READ:
                event.unread = str(item.get("type"))
            if kind == "response.output_item.done":
                self._told_in(event, item, at)
        elif isinstance(data.get("response"), dict):
            self._response = data["response"]
            event.all_end = kind in _ENDINGS
            for place, item in enumerate(self._response.get("output") or NOTHING) if event.all_end else NOTHING:
                self._told_in(event, item, place)
        return event

    def write(self, event: Event, texts: Mapping[Channel, str]) -> ChatChunk | None:
        data, kind = event.data, str(event.data.get("type"))
        at = data.get("output_index", 0)
        if kind in _DELTAS:
            (delta,) = event.deltas
            text = texts.get(delta.channel, "")
            return self.add(delta.channel, text, event) if text else None
        for channel in {one.channel for one in event.deltas}:
            self._left[channel] = self._left.get(channel, "") + texts.get(channel, "")
        if kind in _DONE:
            name, field = _DONE[kind]
            left = self._left.get(_channel(name, data), "")
            data = data if data.get(field) == left else without_logprobs({**data, field: left})
        elif kind == "response.content_part.added":
            self._parts[(at, data.get("content_index", 0))] = data
        elif kind == "response.content_part.done" and isinstance(data.get("part"), dict):
            self._parts.pop((at, data.get("content_index", 0)), None)
            data = {**data, "part": self._part(data["part"], at, "content_index", data.get("content_index", 0))}
        elif kind == "response.reasoning_summary_part.done" and isinstance(data.get("part"), dict):
            data = {**data, "part": self._part(data["part"], at, "summary_index", data.get("summary_index", 0))}
        elif kind == "response.output_item.added":
            self._open[at] = data.get("item") or {}
        elif kind == "response.output_item.done" and isinstance(data.get("item"), dict):
            self._open.pop(at, None)
            data = {**data, "item": self._item(data["item"], at)}
        elif event.all_end:
            output = [self._item(one, place) for place, one in enumerate(data["response"].get("output") or NOTHING)]
            data = {**data, "response": {**data["response"], "output": output}}
        return replace(event.chunk, raw=self._numbered(data))

    def add(self, channel: Channel, text: str, event: Event | None = None) -> ChatChunk:
        self._left[channel] = self._left.get(channel, "") + text
        data = self._last[channel]
        raw = self._numbered(data if data.get("delta") == text else without_logprobs({**data, "delta": text}))
        said, thought = (text if channel.part == one else "" for one in ("text", "reasoning"))
        chunk = ChatChunk(raw, said, thought, event=str(data["type"]).encode())
        if event is not None:
            chunk = replace(event.chunk, raw=raw, text=said, reasoning=thought)
        if channel.part == "arguments":
            chunk.tool_calls = [{"index": channel[1], "function": {"arguments": text}}]
        return chunk

    def stop(self, finish: str, said: str, usage: Usage) -> Sequence[ChatChunk]:
        """What is open of a message ends as incomplete; a tool call that has not left whole is not told."""
        made = [chunk for at, item in sorted(self._open.items()) for chunk in self._closed(item, at)]
        messages = [(at, item) for at, item in sorted(self._items.items()) if item.get("type") == "message"]
        for channel in self._last:
            self._left.setdefault(channel, "")
        output = [self._item(self._whole(item, at), at) for at, item in messages]
        if said:
            at, item = max(self._items, default=-1) + 1, self._message(said)
            output.append(item)
            made += self._new(item, at, said)
        status = "incomplete" if finish == "content_filter" else "completed"
        why = {"reason": "content_filter"} if status == "incomplete" else None
        response = {**self._response, "status": status, "incomplete_details": why, "output": output,
                    "usage": usage_object(usage)}  # fmt: skip
        last = self._event({"type": f"response.{status}", "response": response})
        return [*made, replace(last, finish_reason=finish, usage=usage)]

    # ---- parts of that

    def _told_in(self, event: Event, item: Json, at: int) -> None:
        """What an item tells that no delta has told."""
        for name, channel, text in _texts(item, at):
            place: Json = {"item_id": item.get("id"), "output_index": at}
            if len(channel) > 2:
                place[str(channel[2])] = channel[3]
            self._told(event, channel, text, {"type": name, **place})
            event.ends.append(channel)

    def _told(self, event: Event, channel: Channel, text: Any, like: Json) -> None:
        if channel not in self._last and isinstance(text, str) and text:
            self._last[channel] = like
            event.deltas.append(Delta(channel, text, ()))

    def _item(self, item: Json, at: int) -> Json:
        made = dict(item)
        for name, index in (("content", "content_index"), ("summary", "summary_index")):
            if isinstance(item.get(name), list):
                made[name] = [self._part(part, at, index, number) for number, part in enumerate(item[name])]
        for name in ("arguments", "input"):
            if isinstance(item.get(name), str):
                made[name] = self._left.get(Channel(("arguments", at)), item[name])
        return made

    def _part(self, part: Json, item: int, index: str, number: int) -> Json:
        name = "refusal" if part.get("type") == "refusal" else "text"
        kind = "reasoning" if part.get("type") in ("summary_text", "reasoning_text") else "text"
        left = self._left.get(Channel((kind, item, index, number)))
        return part if left is None or part.get(name) in (None, left) else without_logprobs({**part, name: left})

    def _whole(self, item: Json, at: int) -> Json:
        """An item with the parts that were begun of it."""
        if at not in self._open:
            return item
        parts = [event["part"] for (of, _), event in sorted(self._parts.items()) if of == at]
        return {**item, "status": "incomplete", "content": parts}

    def _closed(self, item: Json, at: int) -> Iterator[ChatChunk]:
        if item.get("type") != "message":
            return
        for (of, number), begun in sorted(self._parts.items()):
            if of == at:
                place = {name: begun.get(name) for name in ("item_id", "output_index", "content_index")}
                channel = Channel(("text", at, "content_index", number))
                self._left.setdefault(channel, "")
                part = self._part(begun["part"], at, "content_index", number)
                refused = part.get("type") == "refusal"
                name, field = ("refusal", "refusal") if refused else ("output_text", "text")
                yield self._event({"type": f"response.{name}.done", **place, field: part.get(field)})
                yield self._event({"type": "response.content_part.done", **place, "part": part})
        done = self._item(self._whole(item, at), at)
        yield self._event({"type": "response.output_item.done", "output_index": at, "item": done})

    def _message(self, said: str) -> Json:
        part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
        key = str(self._response.get("id") or "").removeprefix("resp_")
        return {"type": "message", "id": f"msg_{key}guard", "role": "assistant", "status": "completed",
                "content": [part]}  # fmt: skip

    def _new(self, item: Json, at: int, said: str) -> Iterator[ChatChunk]:
        """The events of an item that says this."""
        (part,) = item["content"]
        place = {"item_id": item["id"], "output_index": at, "content_index": 0}
        begun = {**item, "status": "in_progress", "content": []}
        yield self._event({"type": "response.output_item.added", "output_index": at, "item": begun})
        yield self._event({"type": "response.content_part.added", **place, "part": {**part, "text": ""}})
        yield self._event({"type": "response.output_text.delta", **place, "delta": said, "logprobs": []}, said)
        yield self._event({"type": "response.output_text.done", **place, "text": said, "logprobs": []})
        yield self._event({"type": "response.content_part.done", **place, "part": part})
        yield self._event({"type": "response.output_item.done", "output_index": at, "item": item})

    def _event(self, data: Json, text: str = "") -> ChatChunk:
        return ChatChunk(self._numbered(data), text, event=data["type"].encode())

    def _numbered(self, data: Json) -> bytes:
        made = encode({**data, "sequence_number": self._count})
        self._count += 1
        return made


def _channel(kind: str, data: Json) -> Channel:
    """By the kind of the events that add to it."""
    part, at = _DELTAS[kind], data.get("output_index", 0)
    if part == "arguments":
        return Channel((part, at))
    index = "summary_index" if kind.startswith("response.reasoning_summary") else "content_index"
    return Channel((part, at, index, data.get(index, 0)))


def _texts(item: Json, at: int) -> Iterator[tuple[str, Channel, Any]]:
    """The texts of an item: by which events they are told, where, and what they say."""
    kind = item.get("type")
    for number, part in enumerate(item.get("content") or NOTHING):
        if kind == "reasoning":
            name = "response.reasoning_text.delta"
        else:
            name = "response.refusal.delta" if part.get("type") == "refusal" else "response.output_text.delta"
        said = part.get("refusal") if part.get("type") == "refusal" else part.get("text")
        yield name, Channel((_DELTAS[name], at, "content_index", number)), said
    for number, part in enumerate(item.get("summary") or NOTHING):
        name = "response.reasoning_summary_text.delta"
        yield name, Channel(("reasoning", at, "summary_index", number)), part.get("text")
    for name, field in (("function_call_arguments", "arguments"), ("custom_tool_call_input", "input")):
        if isinstance(item.get(field), str):
            yield f"response.{name}.delta", Channel(("arguments", at)), item[field]
