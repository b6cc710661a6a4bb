"""The encoder's vectors of a text, made once for all guards that read them: one for each piece of a long one, and one
for each form in which something hidden or oddly spelled in it is plain. What is encoded is read decoded, in its place.

The first is that of the text's begin as routing and caches read it, so that a call has its question encoded once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pilothouse.guards.normal.forms import Form, normal_of
from pilothouse.protocols import Encode, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FORMS", "MOST", "PIECE", "Read", "pieces", "vectors_of"]

PIECE = 800
"""Characters of the longest piece: in English about 200 of the encoder's 256 tokens."""
MOST = 8
"""Pieces that are read of one text, each some 30 ms of one core. Of a longer one begin, end, and some between."""
FORMS = 3
"""Forms beside the text that are read: of most texts there is none."""
_DECODED = frozenset(("url", "html", "escapes", "morse", "hex", "base64"))
_HIDDEN = frozenset(("markup", "smuggled"))
_ENDS = 2
_BEFORE = 100  # characters of a form that are read before what was made plain in it
_BEGIN = 2000  # characters, as `gateway.routing.complexity` reads of a question: more than 256 tokens hold
_COMPARED = 50_000  # characters in which a text that looks otherwise than it is written is told from one in odd signs
_TOKENS = 254
_SURE = 250  # characters that are no more than so many tokens, whatever they are


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a text of `size` characters, `characters` of them: `rows` (n, 384), L2-normalised float32, one
    for each of `places`, pairs of (start, end) in characters. The last `forms` of them are of what was made plain.
    `missing` says why nothing was read, where nothing was."""

    rows: "NDArray[np.float32]"
    places: Sequence[tuple[int, int]]
    size: int
    characters: int = 0
    forms: int = 0
    missing: str = ""

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
        return Read(nothing, (), len(text), missing="There is no text.")
    if models is None or models.encode is None:
        return Read(nothing, (), len(text), missing="There is no encoder to read the text with.")
    forms = subject.once(normal_of).forms
    decoded = next((form for form in reversed(forms) if form.how and _DECODED.issuperset(form.how)), None)
    base = text if decoded is None else decoded.text
    places = await _fitting(base, _chosen(pieces(base)), models.encode)
    texts = [base[start:end] for start, end in places]
    if len(places) > 1 and places[0][0] == 0:
        texts[0] = base[:_BEGIN]
    spelled = _spelled(forms, base if decoded is None else None, decoded)
    rows = await models.encode([*texts, *(form for form, _ in spelled)])
    whole = sum(end - start for start, end in places) == len(base)
    if decoded is not None:
        places = [decoded.span(start, end) for start, end in places]
    read = len(text) if whole else min(len(text) - 1, sum(end - start for start, end in places))
    return Read(rows, [*places, *(place for _, place in spelled)], len(text), read, len(spelled))


def _spelled(forms: Sequence[Form], text: str | None, decoded: Form | None) -> list[tuple[str, tuple[int, int]]]:
    """A piece of each form that says something else than what is read anyhow, from where it does, and its place: of the
    `text`, or of what was `decoded` of it. What encoded letters look like when they are spelled otherwise is noise."""
    first, *others = forms
    base = first if decoded is None else decoded
    here = [form for form in others if form.how[:-1] == base.how and form is not decoded]
    hidden = [form for form in others if form.how and form.how[0] in _HIDDEN and form not in here]
    wanted = [*hidden, *here]
    if text is not None and _letters(first.text) != _letters(text.lower()):
        wanted.insert(0, first)
    found: list[tuple[str, tuple[int, int]]] = []
    for form in wanted[:FORMS]:
        beside = (text or "").lower() if form is first else base.text
        start = max(0, _shared(form.text, beside) - _BEFORE)
        piece = form.text[start : start + PIECE]
        if piece.strip():
            found.append((piece, form.span(start, start + len(piece))))
    return found


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text[:_COMPARED]))


def _shared(one: str, other: str) -> int:
    """Characters that both begin with; found by halving, since comparing slices is fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


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
