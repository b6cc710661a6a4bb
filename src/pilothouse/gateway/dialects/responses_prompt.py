"""A chat's messages and parameters as a request to the Responses API says them. Plain functions over JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from pilothouse.errors import Unsupported
from pilothouse.gateway.dialects.responses_items import as_items
from pilothouse.types import Json, text_of

__all__ = ["as_response"]

_RENAMED = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
_INSIDE = {"reasoning_effort": ("reasoning", "effort"), "verbosity": ("text", "verbosity")}


def as_response(asked: Json, own: Json, messages: Sequence[Json]) -> Json:
    """The body: `messages` and then the caller's input; what a chat asks for (`asked`) where the caller's `own` fields
    do not say it. Raises Unsupported for a message that no item can be."""
    body: Json = {}
    for name, value in asked.items():
        if name in _INSIDE:
            place, inner = _INSIDE[name]
            body.setdefault(place, {})[inner] = value
        elif name == "response_format":
            body.setdefault("text", {})["format"] = _format(value)
        elif name == "tools":
            body["tools"] = [_flat(tool) for tool in value]
        elif name == "tool_choice":
            body[name] = _flat(value) if isinstance(value, dict) else value
        else:
            body[_RENAMED.get(name, name)] = value
    for name in ("text", "reasoning"):
        if isinstance(body.get(name), dict) and isinstance(own.get(name), dict):
            own = {**own, name: {**body[name], **own[name]}}
    items = [item for number, message in enumerate(messages) for item in _items(message, f"template[{number}]")]
    return {**body, **own, "input": [*items, *as_items(own.get("input"))]}


def _items(message: Json, where: str) -> Iterator[Json]:
    role, content = message["role"], message.get("content")
    if role == "tool":
        yield {
            "type": "function_call_output", "call_id": message.get("tool_call_id") or "", "output": text_of(content)
        }  # fmt: skip
        return
    if role not in ("system", "developer", "user", "assistant"):
        raise Unsupported(f"{where}.role: the Responses API has no role '{role}'.", param=f"{where}.role")
    if content:
        parts = content if isinstance(content, str) else [_part(part, role, where) for part in content]
        yield {"type": "message", "role": role, "content": parts}
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        yield {
            "type": "function_call", "call_id": call.get("id") or "", "name": function.get("name") or "",
            "arguments": function.get("arguments") or "",
        }  # fmt: skip


def _part(part: Json, role: str, where: str) -> Json:
    kind = part.get("type")
    if kind == "text":
        said: Json = {"type": "output_text" if role == "assistant" else "input_text", "text": part.get("text") or ""}
        return said | ({"annotations": []} if role == "assistant" else {})
    if kind == "image_url":
        image = part.get("image_url")
        given: Json = image if isinstance(image, dict) else {"url": image}
        return {"type": "input_image", "image_url": given.get("url"), "detail": given.get("detail") or "auto"}
    if kind == "file" and isinstance(part.get("file"), dict):
        return {"type": "input_file", **part["file"]}
    if kind == "input_audio":
        return part
    raise Unsupported(f"{where}.content: the Responses API has no part '{str(kind)[:64]}'.", param=f"{where}.content")


def _format(wanted: Any) -> Any:
    """`response_format` as `text.format`: the schema lies one step higher."""
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return wanted
    return {"type": "json_schema", **(wanted.get("json_schema") or {})}


def _flat(tool: Json) -> Json:
    """A function without the object around it."""
    function = tool.get("function")
    return {"type": "function", **function} if isinstance(function, dict) else tool
