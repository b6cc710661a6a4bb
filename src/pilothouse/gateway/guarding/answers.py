"""The texts of a JSON answer that guards look at, in any dialect, and the answer with other texts in their places.

Knows nothing of guards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from pilothouse.guarding import Stage
from pilothouse.types import ChatChunk, Json, Operation

__all__ = ["Told", "retold", "told"]

_Path = tuple[str | int, ...]
Part = Literal["text", "reasoning", "arguments"]


@dataclass(frozen=True, slots=True)
class Told:
    """A text of an answer, at a place of its body. Arguments of a tool call are of the stage `tool`."""

    text: str
    part: Part
    path: _Path

    @property
    def stage(self) -> Stage:
        return "tool" if self.part == "arguments" else "output"


def told(body: Json, operation: Operation) -> list[Told]:
    """Every text, in its order. What a model said to itself and signed is not among them."""
    match operation:
        case "messages":
            return [*_in_blocks(body)]
        case "responses":
            return [*_in_items(body)]
    return [*_in_choices(body)]


def retold(chunk: ChatChunk, body: Json, texts: Mapping[Told, str]) -> ChatChunk:
    """The answer with these texts in place of its own."""
    made: Any = body
    for one, text in texts.items():
        made = _with(made, one.path, text)
    said = chunk.text
    for one, text in texts.items():
        said = said.replace(one.text, text) if one.part == "text" else said
    calls = chunk.tool_calls
    if calls and any(one.part == "arguments" for one in texts):
        again = {one.text: text for one, text in texts.items() if one.part == "arguments"}
        calls = [_call(call, again) for call in calls]
    return replace(chunk, raw=msgspec.json.encode(made), text=said, tool_calls=calls)


def _in_choices(body: Json) -> Iterator[Told]:
    for place, choice in _numbered(("choices",), body.get("choices")):
        if isinstance(choice.get("text"), str):
            yield Told(choice["text"], "text", (*place, "text"))
        message = choice.get("message")
        if not isinstance(message, dict):
            continue
        for name in ("reasoning_content", "reasoning"):
            if isinstance(message.get(name), str):
                yield Told(message[name], "reasoning", (*place, "message", name))
        content = message.get("content")
        if isinstance(content, str):
            yield Told(content, "text", (*place, "message", "content"))
        for at, part in _numbered((*place, "message", "content"), content):
            if isinstance(part.get("text"), str):
                yield Told(part["text"], "text", (*at, "text"))
        for at, call in _numbered((*place, "message", "tool_calls"), message.get("tool_calls")):
            arguments = (call.get("function") or {}).get("arguments")
            if isinstance(arguments, str):
                yield Told(arguments, "arguments", (*at, "function", "arguments"))


def _in_blocks(body: Json) -> Iterator[Told]:
    for place, block in _numbered(("content",), body.get("content")):
        if isinstance(block.get("text"), str):
            yield Told(block["text"], "text", (*place, "text"))
        elif block.get("type") == "tool_use":
            yield from _leaves(block.get("input"), (*place, "input"))


def _in_items(body: Json) -> Iterator[Told]:
    for place, item in _numbered(("output",), body.get("output")):
        for at, part in _numbered((*place, "content"), item.get("content")):
            if item.get("type") == "message" and isinstance(part.get("text"), str):
                yield Told(part["text"], "text", (*at, "text"))
        for name in ("arguments", "input"):
            if isinstance(item.get(name), str):
                yield Told(item[name], "arguments", (*place, name))


def _leaves(value: Any, path: _Path) -> Iterator[Told]:
    if isinstance(value, str):
        yield Told(value, "arguments", path)
    for key, one in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from _leaves(one, (*path, key))


def _with(value: Any, path: Sequence[str | int], text: str) -> Any:
    if not path:
        return text
    step: Any = path[0]
    made = {**value} if isinstance(value, dict) else [*value]
    made[step] = _with(made[step], path[1:], text)
    return made


def _call(call: Json, again: Mapping[str, str]) -> Json:
    function = call.get("function") or {}
    arguments = str(function.get("arguments"))
    return {**call, "function": {**function, "arguments": again.get(arguments, arguments)}}


def _numbered(path: _Path, given: Any) -> Iterator[tuple[_Path, Json]]:
    for number, one in enumerate(given if isinstance(given, list) else ()):
        if isinstance(one, dict):
            yield (*path, number), one
