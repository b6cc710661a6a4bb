"""Values that say what is wanted in another type: "12" for 12, "Yes" for "yes", null for what may be left out.

Nothing is guessed: what is put in its place says the same. Knows nothing of texts.
"""

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

__all__ = ["mended_values"]

_ROUNDS = 4
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,300})(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?")
_WORDS = {"true": True, "false": False}


def mended_values(value: Any, errors: Callable[[Any], Sequence[Any]]) -> Any:
    """A copy of the value in which what `errors` finds (of jsonschema-rs) is said as the schema wants it; None where
    nothing could be done."""
    made, done = copy.deepcopy(value), False
    for _ in range(_ROUNDS):
        try:
            found = errors(made)
        except (ValueError, OverflowError, RecursionError):
            return None
        changed = False
        for error in found:
            changed = _mended(made, error) or changed
        if not changed:
            break
        done = True
    return made if done else None


def _mended(whole: Any, error: Any) -> bool:
    """Whether one thing was put right, in place."""
    path = error.instance_path
    if not path:
        return False
    parent = whole
    for step in path[:-1]:
        parent = parent[step]
    name, old = path[-1], parent[path[-1]]
    match error.kind.name:
        case "type":
            new = _as_type(old, error.kind.types)
        case "enum":
            new = _same_word(old, error.kind.options)
        case "const":
            new = _same_word(old, [error.kind.expected_value])
        case _:
            return False
    if new is not _NOTHING:
        parent[name] = new
        return True
    if old is None and isinstance(parent, dict):  # the schema says whether it may be missing
        del parent[name]
        return True
    return False


_NOTHING = object()


def _as_type(value: Any, types: Sequence[str]) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if ("integer" in types or "number" in types) and _NUMBER.fullmatch(text):
            number = msgspec.json.decode(text)
            if "number" in types or (isinstance(number, float) and number.is_integer()) or isinstance(number, int):
                return number
        if "boolean" in types and text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if "null" in types and text.lower() in ("null", "none", ""):
            return None
    elif "string" in types and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _NOTHING


def _same_word(value: Any, options: Sequence[Any]) -> Any:
    """The one option that is the same but for case and the space around it."""
    if not isinstance(value, str):
        return _NOTHING
    same = [one for one in options if isinstance(one, str) and one.strip().lower() == value.strip().lower()]
    return same[0] if len(same) == 1 else _NOTHING
