"""The texts that the events of a stream add, in any dialect, and the same events with other texts.

A channel is one text that grows: of a choice, of a block, of an item's part, of the arguments of a tool call. What
tells a whole text again at its end is told what has left of it. Knows nothing of guards.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from pilothouse.gateway.guarding.answers import Part
from pilothouse.types import ChatChunk, Json, Usage

__all__ = ["NOTHING", "Channel", "Delta", "Event", "Wire", "encode", "retold", "without_logprobs"]

encode = msgspec.json.Encoder().encode
"""JSON as bytes."""
NOTHING: tuple[Any, ...] = ()


class Channel(tuple[Hashable, ...]):
    """Which text: (part, where it is). Compared by its values."""

    __slots__ = ()

    @property
    def part(self) -> Part:
        return self[0]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Delta:
    """What an event adds to a channel, at a place of its data."""

    channel: Channel
    text: str
    path: tuple[str | int, ...]


@dataclass(slots=True)
class Event:
    """One event read: what it adds, and which channels it ends (`all_end` for every one that is open). `unread` is the
    kind of a part that begins with it and that no guard looks at."""

    chunk: ChatChunk
    data: Json
    deltas: list[Delta] = field(default_factory=list)
    ends: list[Channel] = field(default_factory=list)
    all_end: bool = False
    unread: str | None = None


class Wire(Protocol):
    """One stream of a dialect: every event is read, then written."""

    def read(self, chunk: ChatChunk) -> Event: ...

    def write(self, event: Event, texts: Mapping[Channel, str]) -> ChatChunk | None:
        """The event with these texts in place of its own; None where nothing is left to say."""
        ...

    def add(self, channel: Channel, text: str) -> ChatChunk:
        """An event that adds to a channel that has been read."""
        ...

    def stop(self, finish: str, said: str, usage: Usage) -> Sequence[ChatChunk]:
        """The last events of a stream that ends here, after it has `said` this in place of what was stopped."""
        ...


def _with(value: Any, path: Sequence[str | int], text: str) -> Any:
    if not path:
        return text
    step: Any = path[0]
    made = {**value} if isinstance(value, dict) else [*value]
    made[step] = _with(made[step], path[1:], text)
    return made


def retold(event: Event, texts: Mapping[Channel, str]) -> ChatChunk:
    """The chunk with its deltas' texts replaced; as it came where they stay as they are."""
    if all(texts.get(delta.channel, "") == delta.text for delta in event.deltas):
        return event.chunk
    data, said, thought = event.data, "", ""
    for delta in event.deltas:
        text = texts.get(delta.channel, "")
        data = _with(data, delta.path, text)
        said += text if delta.channel.part == "text" else ""
        thought += text if delta.channel.part == "reasoning" else ""
    old = event.chunk
    return ChatChunk(
        encode(without_logprobs(data)), said, thought, old.finish_reason, old.usage, old.usage_only, old.model,
        old.event, old.tool_calls,
    )  # fmt: skip


def without_logprobs(data: Json) -> Json:
    """What is told of single tokens tells what was taken out or still waits: it goes with the text that it was of."""
    if data.get("logprobs"):
        return {**data, "logprobs": []}
    choices = data.get("choices")
    if not isinstance(choices, list) or not any(isinstance(one, dict) and one.get("logprobs") for one in choices):
        return data
    return {**data, "choices": [{**one, "logprobs": None} if "logprobs" in one else one for one in choices]}
