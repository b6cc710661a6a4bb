"""A version of a prompt as a form, both ways: messages, variables and values as fields. Knows nothing of pages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pilothouse.console.forms import Fields
from pilothouse.errors import InvalidRequest
from pilothouse.prompts.content import Variable
from pilothouse.types import Json

__all__ = [
    "EMPTY", "MOST_ROWS", "TYPES", "Draft", "Line", "Slot", "as_json", "as_text", "draft_of", "edited", "fields_of",
    "is_blank", "is_long", "places_of", "refilled", "shown_json", "slots", "stand_ins", "values_of",
]  # fmt: skip

MOST_ROWS = 40
"""Messages, and variables, that are shown as fields; a version with more is edited as JSON."""
TYPES = ("string", "number", "integer", "boolean", "list", "object", "messages")
EMPTY: Json = {"type": "chat", "template": [{"role": "system", "content": ""}, {"role": "user", "content": ""}]}
_PLACEHOLDER, _WHOLE = "placeholder", "json"
_PARTS = ("params", "tools", "response_format", "guards", "examples", "config")
_ROW = ("name", "type", "default", "description", "enum", "max_chars", "untrusted")
_STAND_INS: dict[str, Any] = {"list": [], "object": {}, "messages": [], "number": 0, "integer": 0, "boolean": False}


@dataclass(frozen=True, slots=True)
class Line:
    """A message as fields: its role, or `placeholder`, or `json` where it is more than a role and a text."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A variable that a value can be given for; `text` is the value as it was written."""

    name: str
    variable: Variable
    text: str

    @property
    def choices(self) -> list[str]:
        """What may be chosen from; nothing where anything may be written."""
        if self.variable.enum is not None:
            return [shown_json(one) for one in self.variable.enum]
        return ["true", "false"] if self.variable.type == "boolean" else []

    @property
    def placeholder(self) -> str:
        """Its default, as the field shows it while it is empty."""
        return "" if self.variable.required else shown_json(self.variable.default)

    @property
    def is_long(self) -> bool:
        """Whether a value may have several lines."""
        return self.variable.type in ("string", "list", "object", "messages")


@dataclass(frozen=True, slots=True)
class Draft:
    """What an editor shows. `rows` are the variables as fields, `parts` the rest as JSON by name."""

    type: str
    syntax: str
    text: str
    lines: Sequence[Line]
    rows: Sequence[Mapping[str, str]]
    model: str
    parts: Mapping[str, str]


def fields_of(content: Json, values: Json | None = None) -> Fields:
    """The fields that say this content and these values."""
    template, variables = content.get("template"), content.get("variables") or {}
    chat = isinstance(template, list)
    found: dict[str, list[str]] = {
        "type": ["chat" if chat else "text"], "syntax": [content.get("syntax") or "jinja"],
        "text": ["" if chat else template or ""], "model": [content.get("model") or ""],
    }  # fmt: skip
    lines = [_line(one) for one in template] if isinstance(template, list) else []
    found["role"], found["said"] = [line.role for line in lines], [line.text for line in lines]
    for name, variable in variables.items():
        for field, text in _row(name, variable).items():
            found.setdefault(f"variable_{field}", []).append(text)
    found |= {part: [shown_json(given)] for part in _PARTS if (given := content.get(part))}
    found |= {f"value_{name}": [shown_json(value)] for name, value in (values or {}).items()}
    return Fields(found)


def as_json(content: Json) -> Fields:
    """The field that says the whole content, as JSON."""
    return Fields({"as": ["json"], "whole": [json.dumps(content, ensure_ascii=False, indent=2)]})


def refilled(form: Fields, draft: Draft) -> Fields:
    """The form with the messages and variables of this draft."""
    lines = {"role": [line.role for line in draft.lines], "said": [line.text for line in draft.lines]}
    rows = {f"variable_{name}": [row[name] for row in draft.rows] for name in _ROW}
    return form.also(text=draft.text, **lines, **rows)


def is_long(content: Json) -> bool:
    """Whether a version has more messages or variables than are shown as fields."""
    template = content.get("template")
    return max(len(template) if isinstance(template, list) else 0, len(content.get("variables") or {})) > MOST_ROWS


def draft_of(form: Fields) -> Draft:
    """The form as it is to be shown, whatever is in it: what cannot be understood stays as it was written."""
    lines = [Line(role, text) for role, text in zip(form.all("role"), form.raws("said"), strict=False)]
    rows = zip(*(form.raws(f"variable_{name}") for name in _ROW), strict=False)
    return Draft(
        form.get("type") or "text", form.get("syntax") or "jinja", form.raw("text"), lines,
        [dict(zip(_ROW, row, strict=True)) for row in rows], form.get("model"),
        {part: form.raw(part) for part in _PARTS},
    )  # fmt: skip


def is_blank(draft: Draft) -> bool:
    """Whether there is no text in it yet."""
    if draft.type == "chat":
        return not any(line.text.strip() for line in draft.lines)
    return draft.type == "text" and not draft.text.strip()


def as_text(draft: Draft) -> Json:
    """The content that a draft says, as JSON that is yet to be checked. Raises InvalidRequest, naming the field."""
    chat = draft.type == "chat"
    said = [_message(n, line) for n, line in enumerate(draft.lines, 1) if line.text.strip()] if chat else draft.text
    if chat and not said:
        raise InvalidRequest("Write at least one message.", param="template")
    content: Json = {"type": draft.type, "syntax": draft.syntax, "template": _plain(said)}
    content["variables"] = {row["name"].strip(): _variable(row) for row in draft.rows if row["name"].strip()}
    if draft.model:
        content["model"] = draft.model
    for part, text in draft.parts.items():
        if text.strip():
            content[part] = _json(text, part.replace("_", " "))
    return content


def places_of(draft: Draft) -> list[str]:
    """The ids of the text areas that the messages of `as_text` are written in."""
    if draft.type != "chat":
        return ["text"]
    return [f"said{n}" for n, line in enumerate(draft.lines) if line.text.strip()]


def edited(draft: Draft, action: str, found: Sequence[str] = ()) -> Draft:
    """The draft after a button of the form: `add` a message, `drop-2`, `up-2`, another `variable`, those `found` in the
    template, or `switch` to the fields of the kind that was chosen."""
    lines, rows = list(draft.lines), list(draft.rows)
    name, _, number = action.partition("-")
    at = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else -1
    if name == "add":
        lines.append(Line("assistant" if lines and lines[-1].role == "user" else "user", ""))
    elif name == "variable":
        rows.append(_row("", {}))
    elif name == "found":
        known = {row["name"].strip() for row in rows}
        rows += [_row(one, {}) for one in found if one not in known]
    elif name == "drop" and 0 <= at < len(lines):
        del lines[at]
    elif name == "up" and 0 < at < len(lines):
        lines[at - 1], lines[at] = lines[at], lines[at - 1]
    elif name == "switch" and draft.type == "chat" and not any(line.text.strip() for line in lines):
        lines = [Line("user", draft.text)]
    elif name == "switch" and draft.type == "text" and not draft.text.strip():
        said = [line.text for line in lines if line.role not in (_PLACEHOLDER, _WHOLE) and line.text.strip()]
        return replace(draft, text="\n\n".join(said), lines=())
    return replace(draft, lines=lines[:MOST_ROWS], rows=rows[:MOST_ROWS])


def slots(variables: Mapping[str, Variable], form: Fields) -> list[Slot]:
    """Variables with what the form gives for each."""
    return [Slot(name, one, form.raw(f"value_{name}")) for name, one in variables.items()]


def values_of(found: Sequence[Slot]) -> Json:
    """The values that were given; an empty field gives none. Raises InvalidRequest, naming the variable."""
    return {slot.name: _value(slot.text, slot.variable.type, slot.name) for slot in found if slot.text.strip()}


def stand_ins(found: Sequence[Slot]) -> Json:
    """Values for those that must be given and are not, so that a preview can be shown."""
    return {
        slot.name: slot.variable.enum[0] if slot.variable.enum else _STAND_INS.get(slot.variable.type, f"‹{slot.name}›")
        for slot in found
        if slot.variable.required and not slot.text.strip()
    }


def shown_json(value: Any) -> str:
    """A value as a field shows it: text as it is, the rest as JSON."""
    if isinstance(value, str):
        return value
    flat = isinstance(value, dict | list) and len(value) > 0
    return json.dumps(value, ensure_ascii=False, indent=2 if flat else None)


# ---- parts


def _line(one: Json) -> Line:
    if one.keys() == {_PLACEHOLDER}:
        return Line(_PLACEHOLDER, one[_PLACEHOLDER])
    if one.keys() == {"role", "content"} and isinstance(one["content"], str):
        return Line(one["role"], one["content"])
    return Line(_WHOLE, json.dumps(one, ensure_ascii=False, indent=2))


def _message(number: int, line: Line) -> Any:
    if line.role == _PLACEHOLDER:
        return {_PLACEHOLDER: line.text.strip()}
    return _json(line.text, f"message {number}") if line.role == _WHOLE else {"role": line.role, "content": line.text}


def _row(name: str, variable: Json) -> dict[str, str]:
    default, enum, most = variable.get("default"), variable.get("enum"), variable.get("max_chars")
    texts = isinstance(enum, list) and all(isinstance(one, str) and not set(one) & set(',["') for one in enum)
    return {
        "name": name, "type": variable.get("type") or "string",
        "default": '""' if default == "" else "" if default is None else shown_json(default),
        "description": variable.get("description") or "", "max_chars": "" if most is None else str(most),
        "enum": "" if enum is None else ", ".join(enum) if texts else json.dumps(enum, ensure_ascii=False),
        "untrusted": (variable.get("spotlight") or "delimit") if variable.get("untrusted") else "no",
    }  # fmt: skip


def _variable(row: Mapping[str, str]) -> Json:
    name, kind = row["name"].strip(), row["type"] or "string"
    told: Json = {"type": kind, "untrusted": row["untrusted"] != "no"}
    if row["untrusted"] not in ("", "no", "delimit"):
        told["spotlight"] = row["untrusted"]
    if row["default"].strip():
        told["default"] = "" if row["default"] == '""' else _value(row["default"], kind, name)
    if row["description"].strip():
        told["description"] = row["description"].strip()
    if enum := row["enum"].strip():
        each = enum.split(",")
        told["enum"] = _json(enum, name) if enum.startswith("[") else [_value(one.strip(), kind, name) for one in each]
    if most := row["max_chars"].strip():
        told["max_chars"] = _value(most, "integer", f"max. characters of {name}")
    return told


def _value(text: str, kind: str, name: str) -> Any:
    text = _plain(text)
    if kind == "string":
        return text
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        raise InvalidRequest(f"{name}: '{text[:60]}' is no {kind}.", param=name) from None
    return _json(text, name)


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{name}: this is no JSON: {error}.", param=name) from None


def _plain(said: Any) -> Any:
    """With the line ends that a model reads: browsers send two characters for each."""
    if isinstance(said, str):
        return said.replace("\r\n", "\n")
    if isinstance(said, list):
        return [_plain(one) for one in said]
    return {key: _plain(value) for key, value in said.items()} if isinstance(said, dict) else said
