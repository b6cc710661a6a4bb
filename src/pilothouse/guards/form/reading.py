"""JSON in the answers of models: as it stands, in a code fence or between words, cut off, in other quotes.

What a text may mean is told one reading after the other, the plainest first; who asks takes the first that has its
form. Nothing here raises for any text but NotJson.
"""

import html
import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from json_repair import repair_json

from pilothouse.guards.form.growing import Growing
from pilothouse.guards.form.problems import Mend

__all__ = ["NotJson", "Reading", "readings", "strict", "written"]

_DEEPEST = 200
_LONGEST_MENDED = 100_000
"""Characters of what is mended at most: mending reads about a million a second, and nothing else runs meanwhile."""
_MOST_TRIED = 12
_MOST_MENDED = 2
_LOOKS = 10
_MOST_FENCES = 4
_FENCE = "```"
_LONE = re.compile("[\ud800-\udfff]")
_INFO = re.compile(r"[\w+-]{0,20}[ \t]{0,8}(?:\n|(?=[{\[\"]))")
_MARK = re.compile(r'["{}\[\]]')
_STRING = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)
_QUOTE = re.compile(r'(?<!\\)"')
_OTHER = re.compile(r'[{\[]\s*(“|„|&quot;|&#34;|\\")')
_TYPOGRAPHIC = str.maketrans("“”„", '"""')
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
    return Reading(value, ("duplicates",) if twice else ())


def readings(text: str, opener: str = "{[") -> list[Reading]:
    """All that a text which is not JSON alone may mean, the plainest first: a few, none where it holds no JSON.
    `opener` has the brackets with which it may begin."""
    mended: tuple[Mend, ...] = ()
    if _LONE.search(text):
        text, mended = _LONE.sub("\ufffd", text), ("characters",)
    if (spelled := _spelled(text)) != text:
        text, mended = spelled, (*mended, "syntax")
    found: list[Reading] = []
    turns = iter(range(_MOST_MENDED))
    for start, piece in _pieces(text):
        around: tuple[Mend, ...] = ("extracted",) if start or len(piece.rstrip()) < len(text.rstrip()) else ()
        for reading in _of_piece(piece, opener, turns):
            found.append(Reading(reading.value, tuple(dict.fromkeys((*mended, *around, *reading.mended)))))
    return found


def written(value: Any) -> str:
    """A value as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _spelled(text: str) -> str:
    """A text that has no quotes of JSON with those that it has in their place: entities, typographic, escaped."""
    begins = None if _QUOTE.search(text) else _OTHER.search(text)
    if begins is None:
        return text
    if begins[1][0] == "&":
        return html.unescape(text)
    return text.translate(_TYPOGRAPHIC) if begins[1] in "“„" else text.replace('\\"', '"')


def _of_piece(piece: str, opener: str, turns: Iterator[int]) -> Iterator[Reading]:
    """What JSON there is in a piece from its first bracket on, one after the other; what is none, mended, as long as
    there are `turns`."""
    at = tried = 0
    brackets = re.compile(f"[{re.escape(opener)}]")
    while tried < _MOST_TRIED and (found := brackets.search(piece, at)):
        tried, begin = tried + 1, found.start()
        try:
            _, end = _scan(piece, begin)
            reading = strict(piece[begin:end])
        except (ValueError, RecursionError):
            at = begin + 1
            if next(turns, None) is not None and (put_right := _put_right(piece[begin:])) is not None:
                yield put_right
            continue
        alone = not piece[:begin].strip() and not piece[end:].strip()
        yield reading if alone else Reading(reading.value, ("extracted", *reading.mended))
        at = end


def _put_right(piece: str) -> Reading | None:
    """What a piece that is no JSON would be: as it is read while it comes, which takes it at its word; where that
    breaks, as json-repair has it."""
    growing = Growing()
    growing.feed(piece)
    if not growing.broken:
        how: Mend = "syntax" if growing.complete else "closed" if growing.between else "cut"
        return Reading(_plain(growing.grown.value), (how,))
    if len(piece) > _LONGEST_MENDED:
        return None
    try:
        value = _plain(repair_json(_Metered(piece), return_objects=True, skip_json_loads=True))
    except (_Exhausted, ValueError, RecursionError, IndexError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(value, dict | list) or not value:
        return None
    return Reading(value, ("cut" if _is_open(piece) else "syntax",))


class _Exhausted(Exception):
    """Looking at a text has taken too long."""


class _Metered(str):
    """A text whose characters can be looked at so many times: json-repair looks at most up to five times at each, but
    of `["a" ["a" ...` at all of them for each, which is quadratic."""

    __slots__ = ("_left",)
    _left: int

    def __new__(cls, text: str) -> "_Metered":
        made = super().__new__(cls, text)
        made._left = 10_000 + _LOOKS * len(text)
        return made

    def __getitem__(self, key: Any) -> str:
        self._left -= 1
        if self._left < 0:
            raise _Exhausted
        return super().__getitem__(key)


def _is_open(piece: str) -> bool:
    """Whether a text or a bracket is open at the end, as far as can be told of what is no JSON."""
    depth = at = 0
    while found := _MARK.search(piece, at):
        at = found.end()
        if found[0] == '"':
            end = _STRING.match(piece, at)
            if end is None:
                return True
            at = end.end()
        else:
            depth += 1 if found[0] in "{[" else -1
    return depth > 0


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """(where, what) may hold JSON: the whole where it begins so, else what stands in fences, then all of it."""
    begin = len(text) - len(text.lstrip())
    if text[begin : begin + 1] not in ("{", "["):
        yield from _fenced(text)
    yield 0, text


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
        if piece.lstrip()[:1] in ("{", "["):
            yield start, piece
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
