"""The texts of a request that guards look at, in the request's own dialect, and the request with other texts in their
places.

    chat, messages, responses   what each message says; what tools gave back, and the arguments of tool calls
    text completions            the prompt
    a block of passages         each is a text of its own, of the stage retrieval, as is a document of Anthropic's

Knows nothing of guards.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.responses import checked_response, response_request
from pilothouse.guarding import Stage
from pilothouse.types import ChatRequest, Json

__all__ = ["Region", "read_again", "regions", "rewritten", "unread"]

_Path = tuple[str | int, ...]

_BLOCK = re.compile(r"^<passages>\n(.*?)^</passages>$", re.MULTILINE | re.DOTALL)
_HEADER = re.compile(r"^\[\d+\] [^\n]*\n", re.MULTILINE)
_TEXTS = ("text", "input_text", "output_text", "refusal")
_TOOLS = {"function_call": "arguments", "custom_tool_call": "input", "function_call_output": "output",
          "custom_tool_call_output": "output"}  # fmt: skip
_SILENT = frozenset(("thinking", "redacted_thinking", "reasoning", "tool_reference", "item_reference"))
"""What models said to themselves comes back signed and cannot be changed."""


@dataclass(frozen=True, slots=True)
class Region:
    """A text at a place of the body: characters `start` to `end` of what stands at `path`."""

    text: str
    stage: Stage
    role: str
    path: _Path
    start: int = 0
    end: int | None = None


def regions(request: ChatRequest) -> list[Region]:
    """Every text, in the order of the request."""
    return [part for whole in _whole(request) for part in _split(whole)]


def rewritten(request: ChatRequest, texts: Mapping[Region, str]) -> ChatRequest:
    """The request with these texts in place of those of its regions. What it shares with the given one stays as it is.
    Raises InvalidRequest where the dialect cannot say that."""
    if not texts:
        return request
    body = request.body
    for region in sorted(texts, key=lambda one: one.start, reverse=True):
        body = _with(body, region.path, region, texts[region])
    return read_again(request, body)


def read_again(request: ChatRequest, body: Json) -> ChatRequest:
    """The request with another body, in its dialect. Raises InvalidRequest where the dialect cannot say that."""
    match request.operation:
        case "messages":
            return read_request(body, request.headers)
        case "responses":
            return response_request(checked_response(body))
    return ChatRequest(body, request.operation, headers=request.headers)


def unread(request: ChatRequest) -> list[str]:
    """The kinds of parts that are no text, such as `image_url`, each once: no guard looks at them."""
    found: dict[str, None] = {}
    for item in _listed(request.body.get("input")):
        kind = item.get("type", "message") if isinstance(item, dict) else "message"
        if isinstance(kind, str) and kind not in _SILENT and kind not in _TOOLS and kind != "message":
            found[kind] = None
    for content in _contents(request):
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, dict) else None
            if isinstance(kind, str) and kind not in _TEXTS and kind not in _SILENT and not _is_told(part, kind):
                found[kind] = None
    return [*found]


def _is_told(part: Json, kind: str) -> bool:
    return kind in ("tool_result", "tool_use", "message", *_TOOLS) or (kind == "document" and _is_text(part))


def _contents(request: ChatRequest) -> Iterator[Any]:
    for one in [*_listed(request.body.get("messages")), *_listed(request.body.get("input"))]:
        if not isinstance(one, dict):
            continue
        content = one.get("content")
        yield content
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") == "tool_result":
                yield part.get("content")


def _whole(request: ChatRequest) -> Iterator[Region]:
    body = request.body
    if request.operation == "text_completion":
        given = body.get("prompt")
        for place, text in [(("prompt",), given)] if isinstance(given, str) else _numbered(("prompt",), given):
            if isinstance(text, str):
                yield Region(text, "input", "user", place)
        return
    for name in ("system", "instructions"):
        yield from _in_content(body.get(name), (name,), "input", "system")
    if isinstance(body.get("input"), str):
        yield Region(body["input"], "input", "user", ("input",))
    for name in ("messages", "input"):
        for place, one in _numbered((name,), body.get(name)):
            if isinstance(one, dict):
                yield from _in_message(one, place)


def _in_message(message: Json, path: _Path) -> Iterator[Region]:
    kind = message.get("type")
    if kind in _TOOLS:
        role = "assistant" if kind in ("function_call", "custom_tool_call") else "tool"
        yield from _in_content(message.get(_TOOLS[kind]), (*path, _TOOLS[kind]), "tool", role)
        return
    role = str(message.get("role") or "user")
    role = "system" if role == "developer" else role
    stage: Stage = "tool" if role in ("tool", "function") else "input"
    yield from _in_content(message.get("content"), (*path, "content"), stage, "tool" if stage == "tool" else role)
    legacy = message.get("function_call")
    if isinstance(legacy, dict) and isinstance(legacy.get("arguments"), str):
        yield Region(legacy["arguments"], "tool", "assistant", (*path, "function_call", "arguments"))
    for place, call in _numbered((*path, "tool_calls"), message.get("tool_calls")):
        arguments = (call.get("function") or {}).get("arguments") if isinstance(call, dict) else None
        if isinstance(arguments, str):
            yield Region(arguments, "tool", "assistant", (*place, "function", "arguments"))


def _in_content(content: Any, path: _Path, stage: Stage, role: str) -> Iterator[Region]:
    if isinstance(content, str):
        yield Region(content, stage, role, path)
        return
    for place, part in _numbered(path, content):
        if isinstance(part, dict):
            yield from _in_part(part, place, stage, role)


def _in_part(part: Json, path: _Path, stage: Stage, role: str) -> Iterator[Region]:
    kind = part.get("type")
    if kind in _TEXTS:
        name = "refusal" if kind == "refusal" else "text"
        if isinstance(part.get(name), str):
            yield Region(part[name], stage, role, (*path, name))
    elif kind == "tool_result":
        yield from _in_content(part.get("content"), (*path, "content"), "tool", "tool")
    elif kind == "tool_use":
        yield from _leaves(part.get("input"), (*path, "input"))
    elif kind == "document" and _is_text(part):
        source = part["source"]
        if isinstance(source.get("data"), str):
            yield Region(source["data"], "retrieval", "document", (*path, "source", "data"))
        else:
            yield from _in_content(source.get("content"), (*path, "source", "content"), "retrieval", "document")
    elif kind == "search_result":
        yield from _in_content(part.get("content"), (*path, "content"), "retrieval", "document")


def _leaves(value: Any, path: _Path) -> Iterator[Region]:
    """The texts anywhere in the arguments of a tool call."""
    if isinstance(value, str):
        yield Region(value, "tool", "assistant", path)
    for key, one in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from _leaves(one, (*path, key))


def _is_text(document: Json) -> bool:
    source = document.get("source")
    return isinstance(source, dict) and source.get("type") in ("text", "content")


def _split(region: Region) -> Iterator[Region]:
    """A text with a block of passages as what stands before and after it, and the passages."""
    block = _BLOCK.search(region.text) if region.role == "user" and "<passages>" in region.text else None
    if block is None:
        yield region
        return
    text, at = region.text, 0
    bounds = [(one.end(), one.start()) for one in _HEADER.finditer(text, block.start(1), block.end(1))]
    ends = [start for _, start in bounds[1:]] + [block.end(1)]
    if before := text[: block.start()].strip():
        at = text.index(before)
        yield replace(region, text=before, start=at, end=at + len(before))
    for (begin, _), end in zip(bounds, ends, strict=True):
        yield replace(region, text=text[begin:end], stage="retrieval", role="document", start=begin, end=end)
    if after := text[block.end() :].strip():
        at = text.index(after, block.end())
        yield replace(region, text=after, start=at, end=at + len(after))


def _with(value: Any, path: Sequence[str | int], region: Region, text: str) -> Any:
    """A copy with the region's text replaced, along the path."""
    if not path:
        return value[: region.start] + text + ("" if region.end is None else value[region.end :])
    step: Any = path[0]
    made = {**value} if isinstance(value, dict) else [*value]
    made[step] = _with(made[step], path[1:], region, text)
    return made


def _numbered(path: _Path, given: Any) -> Iterator[tuple[_Path, Any]]:
    for number, one in enumerate(_listed(given)):
        yield (*path, number), one


def _listed(given: Any) -> Sequence[Any]:
    return given if isinstance(given, list) else ()
