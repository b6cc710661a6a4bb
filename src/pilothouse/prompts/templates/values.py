"""The values that templates compute with: plain JSON data, of which texts remember that they are not to be trusted.

A text made from an untrusted one is untrusted, too. Its level says how it is set apart: 1 delimited, 2 datamarked,
3 encoded; where several meet, the highest counts.
"""

import json
from typing import Any

from pilothouse.errors import BadVariable
from pilothouse.prompts.templates.limits import MAX_VALUE_DEPTH

__all__ = [
    "LEVELS",
    "Datamarked",
    "Encoded",
    "Untrusted",
    "as_json",
    "cleaned",
    "kind_of",
    "level_of",
    "shown",
    "tainted",
]


class Untrusted(str):
    """A text from outside; delimited where it is written."""

    __slots__ = ()
    level = 1


class Datamarked(Untrusted):
    """Has its spaces marked, besides."""

    __slots__ = ()
    level = 2


class Encoded(Untrusted):
    """Is written in base 64."""

    __slots__ = ()
    level = 3


LEVELS = (str, Untrusted, Datamarked, Encoded)
_KINDS = {
    str: "a text",
    bool: "a truth value",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def kind_of(value: Any) -> str:
    """What a value is, for people."""
    if value is None:
        return "null"
    return next((told for kind, told in _KINDS.items() if isinstance(value, kind)), f"a Python {type(value).__name__}")


def level_of(value: Any) -> int:
    """The level of a text; 0 of all else."""
    return value.level if isinstance(value, Untrusted) else 0


def tainted(value: Any, level: int) -> Any:
    """`value` with all its texts, keys included, at least at `level`."""
    if level == 0:
        return value
    if isinstance(value, str):
        return value if level_of(value) >= level else LEVELS[level](value)
    if isinstance(value, list):
        return [tainted(item, level) for item in value]
    if isinstance(value, dict):
        return {tainted(key, level): tainted(item, level) for key, item in value.items()}
    return value


def shown(value: Any) -> str:
    """As Jinja writes a value: None as `None`, lists and objects as Python does."""
    return value if isinstance(value, str) else str(value)


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON in the order of the data, with all characters as they are."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def cleaned(name: str, value: Any, depth: int = 0) -> tuple[Any, int]:
    """A copy of nothing but plain JSON data, and its size (bytes of UTF-8 of its texts, and one for each value).

    Raises BadVariable for what JSON cannot say, text that is no Unicode, and nesting past MAX_VALUE_DEPTH.
    """
    if value is None or isinstance(value, bool):
        return value, 1
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise BadVariable(f"'{name}' holds a number of more than 64 bits; pass it as a text.", param=name)
        return int(value), 1
    if isinstance(value, float):
        if value - value != 0:
            raise BadVariable(f"'{name}' holds {value}, which is no number of JSON.", param=name)
        return float(value), 1
    if isinstance(value, list | tuple | dict):
        if depth >= MAX_VALUE_DEPTH:
            raise BadVariable(f"'{name}' is nested more than {MAX_VALUE_DEPTH} deep.", param=name)
        return _collection(name, value, depth)
    told = f"'{name}' holds {kind_of(value)}; a variable is text, number, truth value, list, object or None."
    raise BadVariable(told, param=name)


def _collection(name: str, value: Any, depth: int) -> tuple[Any, int]:
    size = 1
    if not isinstance(value, dict):
        items = []
        for item in value:
            made, more = cleaned(name, item, depth + 1)
            items.append(made)
            size += more
        return items, size
    held = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise BadVariable(f"'{name}' has a key that is {kind_of(key)}; keys are texts.", param=name)
        plain, wide = _text(name, key)
        held[plain], more = cleaned(name, item, depth + 1)
        size += wide + more
    return held, size


def _text(name: str, value: str) -> tuple[str, int]:
    text = value if type(value) is str else str.__str__(value)
    if text.isascii():
        return text, len(text) + 1
    try:
        return text, len(text.encode()) + 1
    except UnicodeEncodeError:
        raise BadVariable(f"'{name}' holds half of a surrogate pair, which is no character.", param=name) from None
