"""What a judge answered, read: the one JSON object in it, and its values with their types and ranges.

Everything that is wrong raises Malformed, in words that can be told to the judge. Knows nothing of models.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pilothouse.types import Json

__all__ = [
    "Malformed", "by_number", "choice", "flag", "listed", "number", "objects_in", "read", "sentences",
    "string", "whole", "writable",
]  # fmt: skip

T = TypeVar("T")

_LONGEST = 100_000  # characters of an answer; no verdict needs them
_MOST_OBJECTS = 64
_OBJECT = re.compile(r'\{(?=\s*["}])')
_THOUGHT = re.compile(r"\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
# A string is matched whole, also one that never ends, so that nothing in it is mended and the search stays linear.
_MENDED = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)|,(?=\s*[}\]])|\b(?:True|False|None)\b', re.DOTALL)
_PYTHON = {"True": "true", "False": "false", "None": "null", ",": ""}
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DECODER = json.JSONDecoder(strict=False)  # judges break lines in the middle of a string


class Malformed(ValueError):
    """An answer cannot be used; the message says why, as the rest of a sentence about it."""


def read(text: str, reader: Callable[[Json], T]) -> T:
    """What `reader` makes of the JSON object in `text`, be it in prose, in a fence, or with a comma too many.

    Objects that `reader` refuses count for nothing beside one that it takes; two that it takes must say the same.
    """
    if not text.strip():
        raise Malformed("it is empty")
    if len(text) > _LONGEST:
        raise Malformed(f"it has more than {_LONGEST} characters")
    taken: list[T] = []
    wrong = ""
    for found in objects_in(text):
        try:
            value = reader(found)
        except Malformed as error:
            wrong = wrong or str(error)
        else:
            taken += [] if value in taken else [value]
    if len(taken) > 1:
        raise Malformed("it holds several JSON objects that say different things")
    if not taken:
        raise Malformed(wrong or "there is no JSON object in it")
    return taken[0]


def objects_in(text: str) -> list[Json]:
    """The outermost JSON objects of a text, in order. Thoughts that it begins with (`<think>`) are passed over.

    Commas before a closing bracket and Python's True, False and None are forgiven. What is within a broken object is
    not taken for an answer: that raises Malformed.
    """
    said = _THOUGHT.sub("", text, count=1) if _THOUGHT.match(text) else text
    try:
        return _decoded(said)
    except Malformed:
        return _decoded(_MENDED.sub(lambda found: _PYTHON.get(found[0], found[0]), said))


def _decoded(text: str) -> list[Json]:
    found: list[Json] = []
    at = 0
    while len(found) < _MOST_OBJECTS and (begin := _OBJECT.search(text, at)):
        try:
            value, at = _DECODER.raw_decode(text, begin.start())
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else "it is too deep, or a number too long"
            raise Malformed(f"its JSON is broken: {what}") from None
        found.append(value)
    return found


# ---- values


def number(given: Json, name: str, low: float, high: float) -> float:
    """A number within these bounds, both included; digits in quotes are one, true and NaN are none."""
    value = _there(given, name)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Malformed(f'"{name}" must be a number from {low:g} to {high:g}, not {_brief(value)}')
    return float(value)


def whole(given: Json, name: str, low: int, high: int) -> int:
    """A whole number within these bounds, both included."""
    value = number(given, name, low, high)
    if not value.is_integer():
        raise Malformed(f'"{name}" must be a whole number from {low} to {high}, not {value:g}')
    return int(value)


def flag(given: Json, name: str) -> bool:
    """True or false, also as 1 and 0 or as yes and no."""
    value = _there(given, name)
    told = _FLAGS.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
    if told is None:
        raise Malformed(f'"{name}" must be true or false, not {_brief(value)}')
    return told


def choice(given: Json, name: str, options: Sequence[str]) -> str:
    """One of these words, whatever its capitals."""
    value = _there(given, name)
    told = value.strip().lower().replace("_", " ") if isinstance(value, str) else ""
    if told not in options:
        quoted = ", ".join(f'"{option}"' for option in options)
        raise Malformed(f'"{name}" must be one of {quoted}, not {_brief(value)}')
    return told


def string(given: Json, name: str) -> str:
    """A text; empty where there is none, since nothing hangs on an explanation."""
    value = given.get(name)
    return writable(value.strip()) if isinstance(value, str) else ""


def sentences(given: Json, name: str, most: int) -> list[str]:
    """A list of at most so many texts, each on one line."""
    found = listed(given, name, most)
    if not all(isinstance(one, str) and one.strip() for one in found):
        raise Malformed(f'"{name}" must be a list of sentences')
    return [writable(" ".join(one.split())) for one in found]


def writable(text: str) -> str:
    """Without halves of surrogate pairs, which JSON's escapes can hold and no file, request or database can."""
    return text.encode("utf-8", "replace").decode()


def listed(given: Json, name: str, most: int) -> list[Any]:
    """A list of at most so many items."""
    value = _there(given, name)
    if not isinstance(value, list):
        raise Malformed(f'"{name}" must be a list, not {_brief(value)}')
    if len(value) > most:
        raise Malformed(f'"{name}" has {len(value)} items; there may be {most}')
    return value


def by_number(given: Json, name: str, number_name: str, count: int, reader: Callable[[Json], T]) -> list[T]:
    """What `reader` makes of the objects in a list, in the order of their numbers: one for each from 1 to `count`."""
    found: dict[int, T] = {}
    for one in listed(given, name, count):
        if not isinstance(one, dict):
            raise Malformed(f'"{name}" must be a list of objects, not of {_brief(one)}')
        at = whole(one, number_name, 1, count)
        if at in found:
            raise Malformed(f'"{name}" has two objects for {number_name} {at}')
        found[at] = reader(one)
    if missing := [str(at) for at in range(1, count + 1) if at not in found]:
        raise Malformed(f'"{name}" has nothing for {number_name} {", ".join(missing)}')
    return [found[at] for at in range(1, count + 1)]


def _there(given: Json, name: str) -> Any:
    if name not in given:
        raise Malformed(f'"{name}" is missing')
    return given[name]


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
