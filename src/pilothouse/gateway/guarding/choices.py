"""A stream of chat or text completions: a channel for each text of each choice."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from pilothouse.gateway.guarding.answers import Part
from pilothouse.gateway.guarding.deltas import NOTHING, Channel, Delta, Event, encode, retold
from pilothouse.types import ChatChunk, Json, Usage

__all__ = ["Choices"]


class Choices:
    """Chat and text completions; `count` is how many choices were asked for."""

    def __init__(self, count: int = 1) -> None:
        self._count = count
        self._head: Json = {}
        self._last: dict[Channel, tuple[Delta, Json]] = {}
        self._begun: set[int] = set()
        self._done: set[int] = set()
        self._said = False

    def read(self, chunk: ChatChunk) -> Event:
        event = Event(chunk, chunk.data)
        self._head = self._head or {name: value for name, value in event.data.items() if name not in _TOLD_ONCE}
        for place, choice in enumerate(event.data.get("choices") or NOTHING):
            index, path = choice.get("index", place), ("choices", place)
            self._texts(event, choice, index, path)
            if (choice.get("delta") or NOTHING) and choice["delta"].get("audio"):
                event.unread = "audio"
            if choice.get("finish_reason") is not None:
                event.ends += [one for one in self._last if one[1] == index]
        return event

    def _texts(self, event: Event, choice: Json, index: int, path: tuple[str | int, ...]) -> None:
        if isinstance(choice.get("text"), str):
            self._add(event, "text", index, 0, choice["text"], (*path, "text"))
        for name, given in (choice.get("delta") or {}).items():
            if (known := _SAID.get(name)) is not None:
                self._add(event, known[0], index, known[1], given, (*path, "delta", name))
            elif name == "tool_calls":
                for at, call in enumerate(given or NOTHING):
                    arguments = (call.get("function") or {}).get("arguments")
                    place = (*path, "delta", name, at, "function", "arguments")
                    self._add(event, "arguments", index, call.get("index", at), arguments, place)
            elif name == "function_call" and isinstance(given, dict):
                self._add(event, "arguments", index, name, given.get("arguments"), (*path, "delta", name, "arguments"))

    def _add(
        self, event: Event, part: Part, index: int, which: Hashable, text: Any, path: tuple[str | int, ...]
    ) -> None:  # fmt: skip
        if isinstance(text, str) and text:
            delta = Delta(Channel((part, index, which)), text, path)
            event.deltas.append(delta)
            self._last[delta.channel] = (delta, event.data)

    def write(self, event: Event, texts: Mapping[Channel, str]) -> ChatChunk | None:
        choices = event.data.get("choices") or NOTHING
        chunk = retold(event, texts) if event.deltas else event.chunk
        if event.deltas and not any(texts.get(one.channel) for one in event.deltas):
            says_more = any(one.get("finish_reason") is not None or _says_more(one.get("delta")) for one in choices)
            if not says_more and event.chunk.usage is None:
                return None
        self._said = self._said or bool(chunk.text)
        for place, one in enumerate(choices):
            self._begun.add(one.get("index", place))
            if one.get("finish_reason") is not None:
                self._done.add(one.get("index", place))
        return chunk

    def add(self, channel: Channel, text: str) -> ChatChunk:
        index, which = channel[1], channel[2]
        name = str(self._last[channel][0].path[-1])
        inner: Json = {name: text}
        if which == "function_call":
            inner = {"function_call": {"arguments": text}}
        elif channel.part == "arguments":
            inner = {"tool_calls": [{"index": which, "function": {"arguments": text}}]}
        said, thought = (text if channel.part == one else "" for one in ("text", "reasoning"))
        self._said = self._said or bool(said)
        raw = self._chunk(index, inner, None)  # type: ignore[arg-type]
        return ChatChunk(raw, said, thought)

    def stop(self, finish: str, said: str, usage: Usage) -> Sequence[ChatChunk]:
        indices = sorted({*range(self._count), *self._begun} - self._done) or [0]
        made = []
        if said:
            said = f"\n\n{said}" if self._said else said
            made.append(
                ChatChunk(self._chunk(indices[0], {"text" if self._completes else "content": said}, None), said)
            )
        made += [ChatChunk(self._chunk(index, {}, finish), finish_reason=finish) for index in indices]
        last = encode({**self._head, "choices": [], "usage": usage.to_openai()})
        return [*made, ChatChunk(last, usage=usage, usage_only=True)]

    @property
    def _completes(self) -> bool:
        return any(delta.path[-1] == "text" for delta, _ in self._last.values())

    def _chunk(self, index: int, inner: Json, finish: str | None) -> bytes:
        if self._completes:
            said: Json = {"text": inner.get("text", ""), "logprobs": None}
        else:
            said = {"delta": inner if index in self._begun else {"role": "assistant", **inner}}
        self._begun.add(index)
        return encode({**self._head, "choices": [{"index": index, **said, "finish_reason": finish}]})


_SAID: Mapping[str, tuple[Part, int]] = {
    "content": ("text", 0), "refusal": ("text", 1),
    "reasoning_content": ("reasoning", 0), "reasoning": ("reasoning", 1),
}  # fmt: skip
_TOLD_ONCE = ("choices", "usage")


def _says_more(delta: Any) -> bool:
    """Whether a delta has anything but texts that were taken out of it."""
    if not isinstance(delta, dict):
        return False
    for name, value in delta.items():
        if name == "tool_calls":
            if any(one.get("id") or (one.get("function") or {}).get("name") for one in value or ()):
                return True
        elif name == "function_call":
            if isinstance(value, dict) and value.get("name"):
                return True
        elif name not in ("content", "refusal", "reasoning_content", "reasoning") and value:
            return True
    return False
