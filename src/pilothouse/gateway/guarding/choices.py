"""A stream of chat or text completions: a channel for each text of each choice."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from pilothouse.gateway.guarding.answers import Part
from pilothouse.gateway.guarding.deltas import NOTHING, Channel, Delta, Event, encode, retold
from pilothouse.types import ChatChunk, Json

__all__ = ["Choices"]


class Choices:
    """Chat and text completions."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._last: dict[Channel, tuple[Delta, Json]] = {}

    def read(self, chunk: ChatChunk) -> Event:
        event = Event(chunk, chunk.data)
        self._head = self._head or {name: value for name, value in event.data.items() if name not in _TOLD_ONCE}
        for place, choice in enumerate(event.data.get("choices") or NOTHING):
            index, path = choice.get("index", place), ("choices", place)
            self._texts(event, choice, index, path)
            if choice.get("finish_reason") is not None:
                event.ends += [one for one in self._last if one[1] == index]
        return event

    def _texts(self, event: Event, choice: Json, index: int, path: tuple[str | int, ...]) -> None:
        found: list[tuple[Part, Hashable, Any, tuple[str | int, ...]]] = [("text", 0, choice.get("text"), ("text",))]
        delta = choice.get("delta") or {}
        found += [
            ("text", 0, delta.get("content"), ("delta", "content")),
            ("text", 1, delta.get("refusal"), ("delta", "refusal")),
            ("reasoning", 0, delta.get("reasoning_content"), ("delta", "reasoning_content")),
            ("reasoning", 1, delta.get("reasoning"), ("delta", "reasoning")),
        ]
        for at, call in enumerate(delta.get("tool_calls") or NOTHING):
            arguments = (call.get("function") or {}).get("arguments")
            found.append(
                ("arguments", call.get("index", at), arguments, ("delta", "tool_calls", at, "function", "arguments"))
            )
        for part, which, text, inner in found:
            if isinstance(text, str) and text:
                one = Delta(Channel((part, index, which)), text, (*path, *inner))
                event.deltas.append(one)
                self._last[one.channel] = (one, event.data)

    def write(self, event: Event, texts: Mapping[Channel, str]) -> ChatChunk | None:
        if not event.deltas:
            return event.chunk
        chunk = retold(event, texts)
        if any(texts.get(one.channel) for one in event.deltas):
            return chunk
        choices = event.data.get("choices") or NOTHING
        says_more = any(one.get("finish_reason") is not None or _says_more(one.get("delta")) for one in choices)
        return chunk if says_more or event.chunk.usage is not None else None

    def add(self, channel: Channel, text: str) -> ChatChunk:
        index, which = channel[1], channel[2]
        delta = self._last[channel][0]
        inner: Any = text
        if channel.part == "arguments":
            inner = {"tool_calls": [{"index": which, "function": {"arguments": text}}]}
            choice: Json = {"index": index, "delta": inner, "finish_reason": None}
        elif delta.path[-1] == "text":
            choice = {"index": index, "text": text, "logprobs": None, "finish_reason": None}
        else:
            choice = {"index": index, "delta": {str(delta.path[-1]): text}, "finish_reason": None}
        said, thought = (text if channel.part == one else "" for one in ("text", "reasoning"))
        return ChatChunk(encode({**self._head, "choices": [choice]}), said, thought)

    def stop(self, finish: str, said: str) -> Sequence[ChatChunk]:
        indices = sorted({one[1] for one in self._last}, key=str) or [0]
        completion = any(delta.path[-1] == "text" for delta, _ in self._last.values())
        made = []
        if said:
            inner: Json = {"text": said} if completion else {"delta": {"content": said}}
            choice = {"index": indices[0], **inner, "finish_reason": None}
            made.append(ChatChunk(encode({**self._head, "choices": [choice]}), said))
        for index in indices:
            choice = {"index": index, **({"text": ""} if completion else {"delta": {}}), "finish_reason": finish}
            made.append(ChatChunk(encode({**self._head, "choices": [choice]}), finish_reason=finish))
        return made


_TOLD_ONCE = ("choices", "usage")


def _says_more(delta: Any) -> bool:
    """Whether a delta has anything but texts that were taken out of it."""
    if not isinstance(delta, dict):
        return False
    for name, value in delta.items():
        if name == "tool_calls":
            if any(one.get("id") or (one.get("function") or {}).get("name") for one in value or ()):
                return True
        elif name not in ("content", "refusal", "reasoning_content", "reasoning") and value:
            return True
    return False
