"""A secret word found in a text that comes in pieces, however it is spelled: apart, in capitals, encoded, backwards.

A text is read as its letters and digits alone, each as it looks. Up to twelve other signs may stand between two of
them. Only what may be the begin of the word is held back. Knows nothing of guards.
"""

import base64
import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pilothouse.guarded import Finding
from pilothouse.guards.normal.folding import folded

__all__ = ["Needles", "spellings"]

_WORD = re.compile(r"[^\W_]+")
_NOT_WORD = re.compile(r"[\W_]+")
_FARTHEST = 12
"""Signs between two letters of one word."""
_BREAK = "\0"


@lru_cache(256)
def spellings(word: str) -> frozenset[str]:
    """How a word of small ASCII letters reads by its letters and digits alone: as it is, backwards, in rot13, base64
    (wherever it begins in what is encoded), hexadecimal (URL escapes too), `\\x` and `\\u` escapes, HTML entities."""
    codes = [f"{ord(letter):x}" for letter in word]
    made = {word, word[::-1], codecs.encode(word, "rot13"), "".join(codes), word[::-1].encode().hex()}
    made |= {"".join(before + code for code in codes) for before in ("x", "0x", "u00", "u", "u000000")}
    made.add("".join(str(ord(letter)) for letter in word))
    for turned in (word, word.upper()):
        for skip in range(3):
            raw = base64.b64encode(b"\0" * skip + turned.encode()).decode().rstrip("=")
            whole = (skip + len(word)) * 8 // 6  # letters that nothing after the word changes
            made.add(_NOT_WORD.sub("", raw[-(-skip * 8 // 6) : whole]).lower())
    return frozenset(made)


@lru_cache(256)
def _sought(words: frozenset[str]) -> tuple[Sequence[str], frozenset[str], int]:
    """The words in order, all that they may begin with, and how long the longest is."""
    begins = frozenset(word[:size] for word in words for size in range(1, len(word)))
    return sorted(words), begins, max(map(len, words), default=0)


class Needles:
    """A Scan for these words: small letters and digits. Findings are of one `kind`."""

    def __init__(self, words: Iterable[str], kind: str) -> None:
        self._words, self._begins, self._longest = _sought(frozenset(words) - {""})
        self._kind = kind
        self._read = 0
        self._ended = 0  # where the last letter ended
        self._letters = ""
        self._at, self._from = list[int](), list[int]()  # letters from `at` on stand in the text from `from` on
        self._told = 0  # letters that belong to what was found
        self.settled = 0

    def feed(self, text: str) -> Sequence[Finding]:
        if not self._words:
            self._read += len(text)
            self.settled = self._read
            return ()
        self._add(text)
        found = self._found()
        self.settled = self._undecided()
        self._cut()
        return found

    def end(self) -> Sequence[Finding]:
        self.settled = self._read
        return ()

    def _add(self, text: str) -> None:
        seen, parts, size = folded(text), list[str](), len(self._letters)
        for word in _WORD.finditer(seen.text):
            runs = [word.span()] if seen.places is None else [(at, at + 1) for at in range(*word.span())]
            for start, end in runs:
                begin, until = (start, end) if seen.places is None else seen.places.span(start, end)
                if self._read + begin - self._ended > _FARTHEST and (self._at or parts):
                    parts.append(_BREAK)
                    self._piece(size, self._ended)
                    size += 1
                parts.append(seen.text[start:end])
                self._piece(size, self._read + begin)
                size += end - start
                self._ended = self._read + until
        self._letters += "".join(parts)
        self._read += len(text)

    def _piece(self, at: int, start: int) -> None:
        self._at.append(at)
        self._from.append(start)

    def _found(self) -> Sequence[Finding]:
        places = list[tuple[int, int]]()
        for word in self._words:
            at = self._letters.find(word)
            while at >= 0:
                places.append((at + len(word), at))
                at = self._letters.find(word, at + 1)
        found = list[Finding]()
        for end, start in sorted(places):
            if start >= self._told:
                found.append(Finding(self._kind, self._place(start), self._place(end - 1) + 1))
                self._told = end
        return found

    def _place(self, letter: int) -> int:
        piece = bisect_right(self._at, letter) - 1
        return self._from[piece] + letter - self._at[piece]

    def _undecided(self) -> int:
        """Where the text begins that may become one of the words."""
        if self._read - self._ended > _FARTHEST:
            return self._read
        there = len(self._letters)
        for size in range(min(there - self._told, self._longest - 1), 0, -1):
            if self._letters[there - size :] in self._begins:
                return self._place(there - size)
        return self._read

    def _cut(self) -> None:
        """Forget letters that can be part of no word any more."""
        drop = len(self._letters) - self._longest
        if drop < self._longest:
            return
        piece = bisect_right(self._at, drop) - 1
        begin = self._from[piece] + drop - self._at[piece]
        self._at = [0, *(at - drop for at in self._at[piece + 1 :])]
        self._from = [begin, *self._from[piece + 1 :]]
        self._letters = self._letters[drop:]
        self._told = max(0, self._told - drop)
