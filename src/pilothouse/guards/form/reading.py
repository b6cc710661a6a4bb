"""JSON in the answers of models: as it stands, in a code fence or between words, cut off, in other quotes.

What a text may mean is told one reading after the other, the plainest first; who asks takes the first that has its
form. Nothing here raises for any text but NotJson.
"""

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from json_repair import repair_json

from pilothouse.guards.form.problems import Mend

__all__ = ["NotJson", "Reading", "readings", "strict", "written"]

_DEEPEST = 200
_MOST_MENDED = 200_000
"""Characters of what is mended at most: mending reads about a million a second, and nothing else runs meanwhile."""
_MOST_TRIED = 6
_MOST_FENCES = 20
_FENCE = "```"
_LONE = re.compile("[\ud800-\udfff]")
_OPENS = re.compile(r"[{\[]")
_AT_LINE = re.compile(r"^[ \t]{0,8}[{\[]", re.MULTILINE)
_INFO = re.compile(r"[\w+-]{0,20}[ \t]{0,8}(?:\n|(?=[{\[\"]))")
_MARK = re.compile(r'["{}\[\]]')
_STRING = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)
_scan = json.JSONDecoder().raw_decode


class NotJson(ValueError):
    """A text that is no JSON; the message says where it breaks, without its words."""


class Reading(NamedTuple):
    """What a text may mean, and what had to be done to it."""

    value: Any
    mended: tuple[Mend, ...]


def strict(text: str) -> Reading:
    """The value of a JSON text (RFC 8259: no NaN, no comments); of keys that stand twice the last counts, and it says
    so. Raises NotJson."""
    if not text.strip():
        raise NotJson("it is empty")
    try:
        value = msgspec.json.decode(text)
        twice = _has_twice(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NotJson(str(error).removeprefix("JSON is malformed: ")) from None
    except (RecursionError, ValueError):
        raise NotJson("it is nested too deeply, or a number is too long") from None
    return Reading(_plain(value), ("duplicates",) if twice else ())


def readings(text: str) -> Iterator[Reading]:
    """All that a text which is not JSON alone may mean, none where it holds no JSON: a few."""
    mended: tuple[Mend, ...] = ()
    if _LONE.search(text):
        text, mended = _LONE.sub("\ufffd", text), ("characters",)
    for start, piece in islice(_pieces(text), _MOST_TRIED):
        around: tuple[Mend, ...] = ("extracted",) if start or len(piece.rstrip()) < len(text.rstrip()) else ()
        for reading in _of_piece(piece):
            yield Reading(reading.value, tuple(dict.fromkeys((*mended, *around, *reading.mended))))


def written(value: Any) -> str:
    """A value as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _of_piece(piece: str) -> Iterator[Reading]:
    """The JSON at the begin of a piece, else what it would be, mended."""
    try:
        value, end = _scan(piece)
        reading = strict(piece[:end])
    except (ValueError, RecursionError):
        pass
    else:
        yield Reading(value, (*(("extracted",) if piece[end:].strip() else ()), *reading.mended))
        return
    if len(piece) > _MOST_MENDED:
        return
    try:
        value = _plain(repair_json(piece, return_objects=True, skip_json_loads=True))
    except (ValueError, RecursionError, IndexError, TypeError, KeyError, AttributeError):
        return
    if value or value == 0 or piece.strip() in ("{", "[", "{}", "[]"):
        yield Reading(value, ("cut",) if _is_cut(piece) else ("syntax",))


def _is_cut(piece: str) -> bool:
    """Whether brackets or a string are still open at the end, and nothing else is wrong that this can see."""
    depth, at, size = 0, 0, len(piece)
    while at < size:
        found = _MARK.search(piece, at)
        if found is None:
            break
        at = found.end()
        if found[0] == '"':
            end = _STRING.match(piece, at)
            if end is None or (end.end() >= size and not piece.endswith('"')):
                return True
            at = end.end()
        else:
            depth += 1 if found[0] in "{[" else -1
    return depth > 0


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """(where, what) may be JSON: the whole where it begins so, what stands in fences, then from each bracket on."""
    begin = len(text) - len(text.lstrip())
    seen = set[int]()
    if text[begin : begin + 1] in ("{", "["):
        seen.add(begin)
        yield begin, text[begin:]
    else:
        for start, piece in _fenced(text):
            seen.add(start)
            yield start, piece
        first = _OPENS.search(text)
        if first is not None and first.start() not in seen:
            seen.add(first.start())
            yield first.start(), text[first.start() :]
    for found in _AT_LINE.finditer(text):
        if found.end() - 1 not in seen:
            yield found.end() - 1, text[found.end() - 1 :]


def _fenced(text: str) -> Iterator[tuple[int, str]]:
    at = text.find(_FENCE)
    for _ in range(_MOST_FENCES):
        if at < 0:
            return
        info = _INFO.match(text, at + len(_FENCE))
        start = info.end() if info else at + len(_FENCE)
        end = text.find(f"\n{_FENCE}", start)
        end = text.find(_FENCE, start) if end < 0 else end
        piece = text[start:] if end < 0 else text[start:end]
        begin = len(piece) - len(piece.lstrip())
        if piece[begin : begin + 1] in ("{", "["):
            yield start + begin, piece[begin:]
        at = text.find(_FENCE, end + len(_FENCE) + 1) if end >= 0 else -1


def _has_twice(text: str) -> bool:
    found = False

    def pairs(given: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        made = dict(given)
        found = found or len(made) < len(given)
        return made

    json.loads(text, object_pairs_hook=pairs)
    return found


def _plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON can say it: no NaN, no half characters. Raises NotJson where it is too deep."""
    if depth > _DEEPEST:
        raise NotJson("it is nested too deeply")
    if isinstance(value, dict):
        return {_plain(key, depth): _plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and _LONE.search(value):
        return _LONE.sub("\ufffd", value)
    return value
