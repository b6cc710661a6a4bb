"""The encoder's vectors of a text, made once for all guards that read them: one for each piece of a long one.

The first is that of the text's begin as routing and caches read it, so that a call has its question encoded once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pilothouse.protocols import Encode, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MOST", "PIECE", "Read", "pieces", "vectors_of"]

PIECE = 800
"""Characters of the longest piece: in English about 200 of the encoder's 256 tokens."""
MOST = 8
"""Pieces that are read of one text, each some 30 ms of one core. Of a longer one begin, end, and some between."""
_ENDS = 2
_BEGIN = 2000  # characters, as `gateway.routing.complexity` reads of a question: more than 256 tokens hold
_TOKENS = 254
_SURE = 250  # characters that are no more than so many tokens, whatever they are


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a text of `size` characters: `rows` (n, 384), L2-normalised float32, one for each of `places`,
    pairs of (start, end) in characters. `missing` says why nothing was, where nothing was."""

    rows: "NDArray[np.float32]"
    places: Sequence[tuple[int, int]]
    size: int
    missing: str = ""

    @property
    def characters(self) -> int:
        """How many were read."""
        return sum(end - start for start, end in self.places)

    @property
    def is_whole(self) -> bool:
        return self.characters == self.size


async def vectors_of(subject: Subject) -> Read:
    """The vectors of this text; its guards share them. Raises Overloaded, ModelFilesError."""
    return await subject.once(_begun)


def pieces(text: str) -> list[tuple[int, int]]:
    """Where a text is cut, (start, end) each: at a blank in the last quarter of a piece, where there is one."""
    places, start = [], 0
    while start < len(text):
        end = min(start + PIECE, len(text))
        if end < len(text):
            blank = text.rfind(" ", start + PIECE * 3 // 4, end)
            end = end if blank < 0 else blank + 1
        places.append((start, end))
        start = end
    return places


def _begun(subject: Subject) -> "asyncio.Task[Read]":
    return asyncio.ensure_future(_read(subject))


async def _read(subject: Subject) -> Read:
    text, models = subject.text, subject.conversation.models
    nothing = np.empty((0, 0), dtype=np.float32)
    if not text.strip():
        return Read(nothing, (), len(text), "There is no text.")
    if models is None or models.encode is None:
        return Read(nothing, (), len(text), "There is no encoder to read the text with.")
    places = await _fitting(text, _chosen(pieces(text)), models.encode)
    texts = [text[start:end] for start, end in places]
    if len(places) > 1 and places[0][0] == 0:
        texts[0] = text[:_BEGIN]
    return Read(await models.encode(texts), places, len(text))


def _chosen(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if len(places) <= MOST:
        return places
    between = np.linspace(_ENDS, len(places) - 1 - _ENDS, MOST - 2 * _ENDS).round().astype(int)
    return [*places[:_ENDS], *(places[at] for at in between), *places[-_ENDS:]]


async def _fitting(text: str, places: list[tuple[int, int]], encode: Encode) -> list[tuple[int, int]]:
    """With pieces that are more tokens than the encoder reads cut into equal parts, as many as may be read."""
    if places[0][1] - places[0][0] <= _SURE:
        return places
    counts = await encode.count_tokens([text[start:end] for start, end in places])
    if max(counts) <= _TOKENS:
        return places
    cut: list[tuple[int, int]] = []
    for (start, end), count in zip(places, counts, strict=True):
        parts = -(-count // _TOKENS)
        marks = [start + (end - start) * at // parts for at in range(parts + 1)]
        cut += pairwise(marks)
    return _chosen(cut)
