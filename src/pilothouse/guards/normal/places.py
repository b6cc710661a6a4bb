"""A text made from another piece by piece, and the map of its places back. Knows nothing of why it is made.

A text of n characters has at most n pieces, so maps are linear in size; a place is looked up by bisection.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple, Protocol

__all__ = ["Chain", "Made", "Mirror", "Pieces", "Places", "Writing", "chained", "replaced"]


class Places(Protocol):
    """Where a made text comes from."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the other text that `start` to `end` of the made one come from; `end` is above `start`."""
        ...


class Made(NamedTuple):
    """`places` is None where each character stands where it stood."""

    text: str
    places: Places | None = None


class Pieces:
    """Each piece begins at `at` in the made text and comes from `begin` to `end` of the other; of an `even` piece each
    character comes from one character."""

    def __init__(self, at: "array[int]", begin: "array[int]", end: "array[int]", even: bytearray) -> None:
        self._at, self._begin, self._end, self._even = at, begin, end, even

    def span(self, start: int, end: int) -> tuple[int, int]:
        first, last = bisect_right(self._at, start) - 1, bisect_right(self._at, end - 1) - 1
        begin = self._begin[first] + (start - self._at[first] if self._even[first] else 0)
        until = self._begin[last] + end - self._at[last] if self._even[last] else self._end[last]
        return begin, until


class Mirror(NamedTuple):
    """Of a text of `size` characters that is read from its end."""

    size: int

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self.size - end, self.size - start


class Chain(NamedTuple):
    """A text made from one that was itself made."""

    outer: Places
    inner: Places

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self.inner.span(*self.outer.span(start, end))


def chained(outer: Places | None, inner: Places | None) -> Places | None:
    """`outer` leads to what `inner` leads from."""
    if outer is None or inner is None:
        return outer or inner
    return Chain(outer, inner)


class Writing:
    """Writes a made text from left to right. Empty pieces are left out; even ones that follow each other become one."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._at, self._begin, self._end = array("q"), array("q"), array("q")
        self._even = bytearray()
        self._size = 0

    def copy(self, made: str, start: int) -> None:
        """`made` stands for as many characters from `start` on, one for one."""
        if not made:
            return
        self._parts.append(made)
        end = start + len(made)
        if self._even and self._even[-1] and self._end[-1] == start:
            self._end[-1] = end
            self._size += len(made)
        else:
            self._piece(made, start, end, 1)

    def put(self, made: str, start: int, end: int) -> None:
        """`made` stands as a whole for the characters from `start` to `end`."""
        if made:
            self._parts.append(made)
            self._piece(made, start, end, 0)

    def made(self) -> Made:
        return Made("".join(self._parts), Pieces(self._at, self._begin, self._end, self._even))

    def _piece(self, made: str, start: int, end: int, even: int) -> None:
        self._at.append(self._size)
        self._begin.append(start)
        self._end.append(end)
        self._even.append(even)
        self._size += len(made)


def replaced(text: str, pattern: re.Pattern[str], instead: Callable[[re.Match[str]], str | None]) -> Made | None:
    """The text with what `instead` makes of each match in its place; where that is None the match stays as it is.
    None where nothing is replaced."""
    writing, at = Writing(), 0
    for found in pattern.finditer(text):
        made = instead(found)
        if made is None:
            continue
        start, end = found.span()
        writing.copy(text[at:start], at)
        writing.put(made, start, end)
        at = end
    if not at:
        return None
    writing.copy(text[at:], at)
    return writing.made()
