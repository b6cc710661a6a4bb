"""Items of the Responses API: as the messages of a chat, and in the full form in which they are kept and listed.

What a vendor wants back in the next turn (signed thinking, Google's thought signatures) travels in the item: a
reasoning item's `encrypted_content` and a call's `extra_content`. Both name the provider that they are for. Knows
nothing of requests as a whole, nor of storage.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.ids import new_id
from pilothouse.providers.content import read
from pilothouse.providers.failures import UNREADABLE
from pilothouse.types import Json

__all__ = ["BY", "as_items", "continued", "custom_function", "full_items", "messages_of", "owned_by", "sealed"]

BY = "by"
"""The key of a translated assistant message that names the provider whose own fields it carries."""
_SEAL = "pilothouse."
_ROLES = ("user", "assistant", "system", "developer")
_INPUT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
_CALLS = ("function_call", "custom_tool_call")
_PREFIXES = {
    "message": "msg", "function_call": "fc", "function_call_output": "fco", "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco", "reasoning": "rs",
}  # fmt: skip


class _Call(msgspec.Struct):
    call_id: str
    name: str
    arguments: str = ""
    input: str = ""
    extra_content: Json | None = None


class _Output(msgspec.Struct):
    call_id: str
    output: str | list[Json]


class _Grammar(msgspec.Struct):
    definition: str = ""
    syntax: str = ""


class _Summary(msgspec.Struct):
    text: str = ""


def as_items(given: str | list[Json] | None) -> list[Json]:
    """The `input` of a request as items."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return list(given or ())


def full_items(items: Sequence[Json]) -> list[Json]:
    """Items as they are kept and listed: each with an id, a type and a status, each content a list of parts."""
    return [_full(item) for item in items]


def continued(items: Sequence[Json]) -> list[Json]:
    """Items of earlier responses as the input of the next, which may go to another provider: without what only the
    provider that made them could look up, their ids and the thinking that it keeps to itself."""
    return [_continued(item) for item in items if item.get("type") != "reasoning" or item.get("encrypted_content")]


def _continued(item: Json) -> Json:
    if item.get("type") == "reasoning":
        return item
    kept = {name: value for name, value in item.items() if name not in ("id", "status")}
    if item.get("type") == "message" and item.get("role") == "assistant" and isinstance(item.get("content"), list):
        kept["content"] = [_uncited(part) for part in item["content"]]
    return kept


def _uncited(part: Json) -> Json:
    if part.get("type") != "output_text":
        return part
    return {"type": "output_text", "text": part.get("text") or "", "annotations": []}


def sealed(by: str, blocks: list[Json]) -> str:
    """What a reasoning item carries for the provider that thought it: its signed blocks, as `encrypted_content`."""
    return _SEAL + base64.b64encode(msgspec.json.encode({BY: by, "blocks": blocks})).decode()


def custom_function(tool: Json, where: str) -> Json:
    """A custom tool, whose input is free text, as a function with one argument."""
    name = read(tool.get("name"), str, f"{where}.name")
    form = read(tool.get("format") or {}, _Grammar, f"{where}.format")
    description = read(tool.get("description") or "", str, f"{where}.description")
    if form.definition:
        description += f"\n\nThe input must follow this {form.syntax} grammar:\n{form.definition}"
    return {"type": "function", "function": {"name": name, "description": description, "parameters": _INPUT}}


def messages_of(items: Sequence[Json]) -> tuple[list[Json], list[str]]:
    """The messages of a chat, and the places of items that no chat can express. Raises InvalidRequest."""
    turns = _Turns()
    for i, item in enumerate(items):
        turns.add(item, f"input[{i}]")
    return turns.messages(), turns.unsaid


def owned_by(messages: list[Json], provider: str) -> list[Json]:
    """The messages without the fields that another provider than this one wants back."""
    return [_owned(message, provider) if BY in message else message for message in messages]


def _owned(message: Json, provider: str) -> Json:
    own = {name: value for name, value in message.items() if name != BY}
    if message[BY] != provider:
        for name in ("thinking_blocks", "reasoning_content"):
            own.pop(name, None)
        if "tool_calls" in own:
            own["tool_calls"] = [{k: v for k, v in c.items() if k != "extra_content"} for c in own["tool_calls"]]
    return own


class _Turns:
    """Puts items together to messages: what the assistant thought, said and called in a row is one message."""

    def __init__(self) -> None:
        self._made: list[Json] = []
        self._open: Json | None = None  # the assistant's message that calls may still join
        self.unsaid: list[str] = []

    def messages(self) -> list[Json]:
        return [
            m for m in self._made if m.get("content") is not None or m.get("tool_calls") or m["role"] != "assistant"
        ]

    def add(self, item: Json, where: str) -> None:
        kind = _kind(item)
        if kind == "message":
            self._message(item, where)
        elif kind == "reasoning":
            self._reasoning(item, where)
        elif kind in _CALLS:
            self._call(read(item, _Call, where), custom=kind == "custom_tool_call")
        elif kind in ("function_call_output", "custom_tool_call_output"):
            given = read(item, _Output, where)
            content = _joined(self._content(given.output, f"{where}.output"))
            self._append({"role": "tool", "tool_call_id": given.call_id, "content": content})
        else:
            self.unsaid.append(f"{where} ({str(kind)[:64]})")

    def _message(self, item: Json, where: str) -> None:
        role = item.get("role")
        if role not in _ROLES:
            raise InvalidRequest(f"{where}.role must be one of {', '.join(_ROLES)}.", param=f"{where}.role")
        content = self._content(item.get("content"), f"{where}.content")
        if role == "user":
            self._append({"role": role, "content": content})
        elif role != "assistant":
            self._append({"role": role, "content": _joined(content)})
        elif self._open is not None and self._open["content"] is None:
            self._open["content"] = _joined(content)
        else:
            self._begin()["content"] = _joined(content)

    def _reasoning(self, item: Json, where: str) -> None:
        seal = _unsealed(item.get("encrypted_content"))
        if seal is None:
            return
        turn = self._open or self._begin()
        parts = read(item.get("summary") or [], list[_Summary], f"{where}.summary")
        summary = "".join(part.text for part in parts)
        turn[BY] = seal[BY]
        if summary:
            turn["reasoning_content"] = turn.get("reasoning_content", "") + summary
        if seal["blocks"]:
            turn["thinking_blocks"] = [*turn.get("thinking_blocks", ()), *seal["blocks"]]

    def _call(self, given: _Call, custom: bool) -> None:
        turn = self._open or self._begin()
        arguments = msgspec.json.encode({"input": given.input}).decode() if custom else given.arguments
        call: Json = {
            "id": given.call_id, "type": "function", "function": {"name": given.name, "arguments": arguments}
        }  # fmt: skip
        extra = dict(given.extra_content or {})
        by = extra.pop(BY, None)
        if extra and isinstance(by, str):
            turn[BY], call["extra_content"] = by, extra
        turn.setdefault("tool_calls", []).append(call)

    def _begin(self) -> Json:
        self._open = {"role": "assistant", "content": None}
        self._made.append(self._open)
        return self._open

    def _append(self, message: Json) -> None:
        self._open = None
        self._made.append(message)

    def _content(self, given: Any, where: str) -> str | list[Json]:
        if isinstance(given, str):
            return given
        parts = [self._part(p, f"{where}[{i}]") for i, p in enumerate(read(given, list[Json], where))]
        kept = [part for part in parts if part is not None]
        return _joined(kept) if len(kept) == 1 else kept

    def _part(self, part: Json, where: str) -> Json | None:
        match part.get("type"):
            case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
                return {"type": "text", "text": read(part.get("text"), str, f"{where}.text")}
            case "refusal":
                return {"type": "refusal", "refusal": read(part.get("refusal"), str, f"{where}.refusal")}
            case "input_image" if part.get("image_url"):
                image = {"url": read(part["image_url"], str, f"{where}.image_url")}
                return {"type": "image_url", "image_url": image | _given(part, "detail")}
            case "input_file":
                place = part.get("file_data") or part.get("file_url")
                file = _given(part, "filename", "file_id") | ({"file_data": place} if place else {})
                return {"type": "file", "file": file}
            case "input_audio":
                return {"type": "input_audio", "input_audio": read(part.get("input_audio"), Json, where)}
        self.unsaid.append(f"{where} ({str(part.get('type'))[:64]})")
        return None


def _joined(content: str | list[Json]) -> str | list[Json]:
    """One text of parts that are all text: what servers take in any role."""
    if isinstance(content, str) or any(part["type"] != "text" for part in content):
        return content
    return "".join(part["text"] for part in content)


def _given(part: Json, *names: str) -> Json:
    return {name: part[name] for name in names if part.get(name) is not None}


def _unsealed(content: Any) -> Json | None:
    """What `sealed` put away; None for the encrypted content of others."""
    if not isinstance(content, str) or not content.startswith(_SEAL):
        return None
    try:
        seal = msgspec.json.decode(base64.b64decode(content.removeprefix(_SEAL)))
        return {BY: read(seal[BY], str, BY), "blocks": read(seal["blocks"], list[Json], "blocks")}
    except (binascii.Error, KeyError, TypeError, InvalidRequest, *UNREADABLE):
        return None


def _kind(item: Json) -> Any:
    """The type of an item, which may be left out of a message and of a reference."""
    return item.get("type") or ("message" if "role" in item else "item_reference")


def _full(item: Json) -> Json:
    kind = str(_kind(item))
    full = {"id": f"{_PREFIXES.get(kind, 'item')}_{new_id()}", "type": kind, **item}
    if kind != "reasoning":
        full.setdefault("status", "completed")
    if kind == "message" and isinstance(item.get("content"), str):
        said = item["content"]
        assistant = item.get("role") == "assistant"
        part: Json = {"type": "output_text", "text": said, "annotations": []} if assistant else {
            "type": "input_text", "text": said
        }  # fmt: skip
        full["content"] = [part]
    return full
