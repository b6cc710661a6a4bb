"""The texts of a JSON answer that guards look at, in any dialect, and the answer with other texts in their places.

What is told of single tokens (`logprobs`) goes where a text is changed.

Knows nothing of guards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from pilothouse.guarding import Stage
from pilothouse.types import ChatChunk, Json, Operation

__all__ = ["Told", "retold", "told", "unread"]

_Path = tuple[str | int, ...]
Part = Literal["text", "reasoning", "arguments"]
_SAID: tuple[Part, ...] = ("text", "reasoning")
_READ_BLOCKS = ("text", "tool_use", "server_tool_use", "mcp_tool_use")
_READ_ITEMS = ("message", "reasoning", "function_call", "custom_tool_call", "mcp_call")


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


def retold(chunk: ChatChunk, body: Json, operation: Operation, texts: Mapping[Told, str]) -> ChatChunk:
    """The answer with these texts in place of its own."""
    made: Any = body
    for one, text in texts.items():
        made = _with(made, one.path, text)
    parts = [one for one in told(body, operation) if one.path[-1] != "refusal"]
    joined = {part: "".join(texts.get(one, one.text) for one in parts if one.part == part) for part in _SAID}
    thought = joined["reasoning"] if any(one.part == "reasoning" for one in texts) else chunk.reasoning
    calls = chunk.tool_calls
    if calls and any(one.part == "arguments" for one in texts):
        again = [text for text in _arguments(made) if text is not None]
        calls = [_call(call, text) for call, text in zip(calls, again, strict=False)]
    raw = msgspec.json.encode(_without_logprobs(made))
    return replace(chunk, raw=raw, text=joined["text"], reasoning=thought, tool_calls=calls)


def unread(body: Json, operation: Operation) -> list[str]:
    """The kinds of parts of an answer that no guard looks at: what is signed, pictures, results of a vendor's tools."""
    match operation:
        case "messages":
            found = [str(one.get("type")) for _, one in _numbered((), body.get("content"))]
            return [kind for kind in dict.fromkeys(found) if kind not in _READ_BLOCKS]
        case "responses":
            found = [str(one.get("type")) for _, one in _numbered((), body.get("output"))]
            return [kind for kind in dict.fromkeys(found) if kind not in _READ_ITEMS]
    messages = [one.get("message") for _, one in _numbered((), body.get("choices"))]
    return ["audio"] if any(isinstance(one, dict) and one.get("audio") for one in messages) else []


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
        if isinstance(message.get("refusal"), str):
            yield Told(message["refusal"], "text", (*place, "message", "refusal"))
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
        legacy = message.get("function_call")
        if isinstance(legacy, dict) and isinstance(legacy.get("arguments"), str):
            yield Told(legacy["arguments"], "arguments", (*place, "message", "function_call", "arguments"))


def _in_blocks(body: Json) -> Iterator[Told]:
    for place, block in _numbered(("content",), body.get("content")):
        if isinstance(block.get("text"), str):
            yield Told(block["text"], "text", (*place, "text"))
        elif block.get("type") in ("tool_use", "server_tool_use", "mcp_tool_use"):
            yield from _leaves(block.get("input"), (*place, "input"))


def _in_items(body: Json) -> Iterator[Told]:
    for place, item in _numbered(("output",), body.get("output")):
        for at, part in _numbered((*place, "content"), item.get("content")):
            part_of: Part = "reasoning" if item.get("type") == "reasoning" else "text"
            for name in ("text", "refusal"):
                if isinstance(part.get(name), str):
                    yield Told(part[name], part_of, (*at, name))
        for at, part in _numbered((*place, "summary"), item.get("summary")):
            if isinstance(part.get("text"), str):
                yield Told(part["text"], "reasoning", (*at, "text"))
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


def _arguments(body: Json) -> Iterator[str | None]:
    """Of the tool calls of a message or a response, in their order."""
    for _, one in _numbered((), body.get("content") or body.get("output")):
        if one.get("type") == "tool_use":
            yield msgspec.json.encode(one.get("input") or {}).decode()
        elif one.get("type") in ("function_call", "custom_tool_call"):
            yield str(one.get("arguments") or one.get("input") or "")


def _call(call: Json, arguments: str) -> Json:
    return {**call, "function": {**(call.get("function") or {}), "arguments": arguments}}


def _without_logprobs(value: Any) -> Any:
    """Wherever a choice or a part of an item has them."""
    if isinstance(value, list):
        return [_without_logprobs(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {**value, "logprobs": [] if value.get("type") == "output_text" else None} if "logprobs" in value else value
    for name in ("choices", "output", "content"):
        if isinstance(made.get(name), list):
            made = {**made, name: _without_logprobs(made[name])}
    return made


def _numbered(path: _Path, given: Any) -> Iterator[tuple[_Path, Json]]:
    for number, one in enumerate(given if isinstance(given, list) else ()):
        if isinstance(one, dict):
            yield (*path, number), one
