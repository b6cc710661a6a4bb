"""Messages in the shape of chat completions, from the shapes of other dialects. Knows no attribute names."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pilothouse.types import Json

__all__ = ["asked", "body_of", "chosen", "message_of", "nested", "said"]

_DEEPEST = 16


def asked(messages: Sequence[Json]) -> Json | None:
    """What a call was asked; None without messages."""
    return {"messages": list(messages)} if messages else None


def chosen(messages: Sequence[Json]) -> Json | None:
    """What a call answered; None without messages."""
    choices = []
    for message in messages:
        kept = dict(message)
        reason = kept.pop("finish_reason", None)
        choices.append({"message": kept, "finish_reason": reason} if reason else {"message": kept})
    return {"choices": choices} if choices else None


def body_of(value: Any, *, answer: bool = False) -> Json | None:
    """A payload of any shape as an object: a list of messages under `messages` (of an answer, as `choices`), anything
    else that is no object under `value`."""
    if value is None or isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) and "role" in item for item in value):
        messages = [message_of(item) for item in value]
        return chosen(messages) if answer else asked(messages)
    return {"value": value}


def message_of(given: Json, role: str = "user") -> Json:
    """One message. GenAI's `parts` become `content` and `tool_calls`; what is shaped like ours already stays."""
    parts = given.get("parts")
    if not isinstance(parts, list):
        return {"role": given.get("role") or role, **{name: v for name, v in given.items() if name != "role"}}
    message = {
        "role": given.get("role") or role,
        **{name: value for name, value in given.items() if name not in ("role", "parts")},
    }
    message["content"], calls = _split(part for part in parts if isinstance(part, dict))
    if calls:
        message["tool_calls"] = calls
    return message


def said(flat: Json) -> Json:
    """A message from flat names: `role`, `content`, `tool_calls.0.name`, also below `message.`, as OpenInference
    has it, whose tool calls are `tool_calls.0.tool_call.function.name`."""
    message = nested({name.removeprefix("message."): value for name, value in flat.items()})
    contents = message.pop("contents", None)
    if "content" not in message and isinstance(contents, list):
        message["content"] = [
            _part(item["message_content"])
            for item in contents
            if isinstance(item, dict) and isinstance(item.get("message_content"), dict)
        ]
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [_call(item) for item in calls if isinstance(item, dict)]
    return {"role": message.pop("role", "user"), **message}


def nested(flat: Json) -> Json:
    """`{"a.0.b": 1}` as `{"a": [{"b": 1}]}`."""
    if not any("." in name for name in flat):
        return flat
    made: Json = {}
    for name, value in flat.items():
        *path, last = name.split(".", _DEEPEST)
        place = made
        for step in path:
            inner = place.get(step)
            if not isinstance(inner, dict):
                inner = place[step] = {}
            place = inner
        place[last] = value
    return {name: _lists(value) for name, value in made.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, str) and key.isdecimal() and len(key) < 6 for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(item) for key, item in value.items()}


def _split(parts: Iterable[Json]) -> tuple[Any, list[Json]]:
    """The content of GenAI parts (text where all of it is) and the tool calls among them."""
    content: list[Any] = []
    calls: list[Json] = []
    for part in parts:
        kind = part.get("type")
        if kind == "tool_call":
            calls.append(_call(part))
        elif kind == "text":
            content.append({"type": "text", "text": part.get("content", part.get("text", ""))})
        elif kind == "tool_call_response":
            answer = part.get("response", part.get("result"))
            content.append({"type": "text", "text": answer if isinstance(answer, str) else _json(answer)})
        else:
            content.append(part)
    texts = [part["text"] for part in content if part.get("type") == "text" and isinstance(part.get("text"), str)]
    return "".join(texts) if len(texts) == len(content) else content, calls


def _call(given: Json) -> Json:
    inner = given.get("tool_call")
    given = inner if isinstance(inner, dict) else given
    function = given.get("function")
    named = function if isinstance(function, dict) else given
    arguments = named.get("arguments")
    text = arguments if isinstance(arguments, str) or arguments is None else _json(arguments)
    return {"id": given.get("id"), "type": "function", "function": {"name": named.get("name"), "arguments": text}}


def _part(given: Json) -> Json:
    """Part of a message of OpenInference, in whose images the address lies two levels deep."""
    image = given.get("image")
    if isinstance(image, dict) and isinstance(image.get("image"), dict):
        return {"type": "image_url", "image_url": {"url": image["image"].get("url")}}
    return given


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, UnicodeError, OverflowError, RecursionError):
        return repr(value)
