"""JSON that still comes: what there is of it so far, at any moment.

Each character is read once. Words before the first bracket, a code fence and whatever follows the end are left out;
single quotes, True, False, None and commas too many are taken as they are meant. Any other break of the syntax ends it:
nothing more grows, and what is then to be done is up to who reads the whole.
"""

import math
import re
from typing import Any, NamedTuple

from pilothouse.types import Json

__all__ = ["NOTHING", "Growing", "Grown"]

_DEEPEST = 200
_SPACE = re.compile(r"[ \t\r\n]*")
_RUNS = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_SCALAR = re.compile(r"[\w.+-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,300})(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_ESCAPED = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = frozenset("0123456789abcdefABCDEF")
_LONGEST_SCALAR = 400


class _Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Any = _Nothing()
"""What has not begun."""


class Grown(NamedTuple):
    """What there is: `value`, NOTHING before it begins, and the keys that lead to what is not closed yet. What lies
    beside them is complete and never changes."""

    value: Any
    open: tuple[str | int, ...]


class Growing:
    """Feed it the pieces. `complete` once the value is closed, `broken` once it is no JSON. `opener` has the brackets
    with which it may begin."""

    def __init__(self, opener: str = "{[") -> None:
        self._outside = re.compile(f"[^{re.escape(opener)}]*")
        self.complete = self.broken = False
        self._holders: list[Json | list[Any]] = []
        self._keys: list[str] = []
        self._state = "outside"
        self._parts: list[str] = []
        self._quote = '"'
        self._left = ""
        self._root: Any = NOTHING

    def feed(self, text: str) -> None:
        text, at = self._left + text, 0
        self._left = ""
        size = len(text)
        while at < size and not self.complete and not self.broken:
            step = getattr(self, f"_in_{self._state}")
            moved = step(text, at)
            if moved is None:  # more is needed to tell
                self._left = text[at:]
                return
            at = moved

    @property
    def between(self) -> bool:
        """Whether a value has just ended, and only brackets may be missing."""
        return self._state == "after" and not self._left

    @property
    def grown(self) -> Grown:
        """What there is by now. Takes time that goes with the sizes of what is open, not of the whole."""
        if self.complete or not self._holders:
            return Grown(self._root, ())
        inner: Any = NOTHING
        path: list[str | int] = []
        if self._state == "text":
            inner = "".join(self._parts)
        keys = len(self._keys)
        for holder in reversed(self._holders):
            if isinstance(holder, list):
                made: Any = [*holder]
                if inner is not NOTHING:
                    path.append(len(made))
                    made.append(inner)
            else:
                made = {**holder}
                if self._has_key(holder, keys):
                    keys -= 1
                    if inner is not NOTHING:
                        path.append(self._keys[keys])
                        made[self._keys[keys]] = inner
            inner = made
        return Grown(inner, tuple(reversed(path)))

    # ---- what may come, by where it is

    def _in_outside(self, text: str, at: int) -> int:
        found = self._outside.match(text, at)
        at = found.end() if found else at
        return at if at == len(text) else self._opened(text[at], at)

    def _in_value(self, text: str, at: int) -> int | None:
        at = self._skipped(text, at)
        if at == len(text):
            return at
        sign = text[at]
        if sign in "{[":
            return self._opened(sign, at)
        if sign in _RUNS:
            return self._quoted(sign, "text", at)
        if sign == "," and isinstance(self._holders[-1], list):
            return at + 1
        return self._closed(sign, at) if sign in "]}" else self._scalar(text, at)

    def _in_key(self, text: str, at: int) -> int:
        at = self._skipped(text, at)
        if at == len(text):
            return at
        if text[at] in _RUNS:
            return self._quoted(text[at], "name", at)
        if text[at] == ",":
            return at + 1
        return self._closed(text[at], at)

    def _in_colon(self, text: str, at: int) -> int:
        at = self._skipped(text, at)
        if at < len(text):
            if text[at] == ":":
                self._state = "value"
            else:
                self.broken = True
            at += 1
        return at

    def _in_after(self, text: str, at: int) -> int:
        at = self._skipped(text, at)
        if at == len(text):
            return at
        if text[at] == ",":
            self._state = "key" if isinstance(self._holders[-1], dict) else "value"
            return at + 1
        return self._closed(text[at], at)

    def _in_text(self, text: str, at: int) -> int | None:
        return self._in_quotes(text, at)

    def _in_name(self, text: str, at: int) -> int | None:
        return self._in_quotes(text, at)

    # ---- what is done then

    def _skipped(self, text: str, at: int) -> int:
        found = _SPACE.match(text, at)
        return found.end() if found else at

    def _opened(self, sign: str, at: int) -> int:
        if len(self._holders) >= _DEEPEST:
            self.broken = True
            return at
        self._holders.append({} if sign == "{" else [])
        self._state = "key" if sign == "{" else "value"
        return at + 1

    def _closed(self, sign: str, at: int) -> int:
        holder = self._holders[-1]
        if sign != ("}" if isinstance(holder, dict) else "]") or (isinstance(holder, dict) and self._state == "value"):
            self.broken = True
            return at
        self._holders.pop()
        self._take(holder)
        return at + 1

    def _quoted(self, sign: str, state: str, at: int) -> int:
        self._quote, self._state, self._parts = sign, state, []
        return at + 1

    def _in_quotes(self, text: str, at: int) -> int | None:
        found = _RUNS[self._quote].match(text, at)
        end = found.end() if found else at
        if end > at:
            self._parts.append(text[at:end])
            return end
        if text[at] == self._quote:
            said = "".join(self._parts)
            if self._state == "name":
                self._keys.append(said)
                self._state = "colon"
            else:
                self._take(said)
            return at + 1
        return self._escape(text, at)

    def _escape(self, text: str, at: int) -> int | None:
        sign = text[at + 1 : at + 2]
        if not sign:
            return None
        if sign != "u":
            if sign not in _ESCAPED:
                self.broken = True
            self._parts.append(_ESCAPED.get(sign, ""))
            return at + 2
        digits = text[at + 2 : at + 6]
        if not set(digits) <= _HEX:
            self.broken = True
            return at
        if len(digits) < 4:
            return None
        code = int(digits, 16)
        if not 0xD800 <= code < 0xE000:
            self._parts.append(chr(code))
            return at + 6
        low = text[at + 6 : at + 12]  # the other half
        if code < 0xDC00 and len(low) < 6 and "\\u".startswith(low[:2]):
            return None
        if code < 0xDC00 and low[:2] == "\\u" and set(low[2:]) <= _HEX and 0xDC00 <= int(low[2:], 16) < 0xE000:
            self._parts.append(chr(0x10000 + ((code - 0xD800) << 10) + int(low[2:], 16) - 0xDC00))
            return at + 12
        self._parts.append("\ufffd")
        return at + 6

    def _scalar(self, text: str, at: int) -> int | None:
        found = _SCALAR.match(text, at)
        end = found.end() if found else at
        if end == len(text) and end - at < _LONGEST_SCALAR:
            return None
        word = text[at:end]
        if word in _WORDS:
            self._take(_WORDS[word])
        elif _NUMBER.fullmatch(word) and math.isfinite(number := float(word)):
            self._take(number if set(word) & set(".eE") else int(word))
        else:
            self.broken = True
        return end

    def _take(self, value: Any) -> None:
        """A value is complete: it goes where it belongs."""
        if not self._holders:
            self._root, self.complete = value, True
            return
        holder = self._holders[-1]
        if isinstance(holder, dict):
            holder[self._keys.pop()] = value
        else:
            holder.append(value)
        self._state = "after"

    def _has_key(self, holder: Any, keys: int) -> bool:
        """Whether the key of what is open in this object is among those that wait."""
        return holder is not self._holders[-1] or self._state in ("colon", "value", "text")
