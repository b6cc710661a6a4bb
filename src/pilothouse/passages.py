"""How found passages stand in a prompt, written and read in one place. Knows nothing of retrieval or of models.

    <passages>
    [1] report.pdf, page 3
    text...

    [2] guide.md, Setup > Keys
    text...
    </passages>

    Question: ...

A document cannot forge a passage or end the block: what in its text looks like a header or a tag gets a backslash,
which `parse_passages` takes away again.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pilothouse.types import Hit

__all__ = ["MARKER", "Passage", "cited_numbers", "format_passages", "parse_passages"]

_HEADER = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)
_BEGIN = re.compile(r"^<passages>\n", re.MULTILINE)
_END = re.compile(r"^</passages>$", re.MULTILINE)
_QUESTION = re.compile(r"\s*(?:Question:\s*)?")
_LOOKS_SPECIAL = re.compile(r"^(?=\\*\[\d+\])|(?<=<)(?=\\*/?\s*passages\b)", re.MULTILINE | re.IGNORECASE)
_ESCAPED = re.compile(r"^\\(?=\\*\[\d+\])|(?<=<)\\(?=\\*/?\s*passages\b)", re.MULTILINE | re.IGNORECASE)
MARKER = re.compile(r"[\[【]\s*(\d{1,4}(?:\s*(?:[,;–-]|and)\s*\d{1,4})*)\s*[\]】]")
"""A citation: `[1]`, `[1, 3]` or `[2-4]`."""
_NUMBER = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")


class Passage(NamedTuple):
    """A numbered passage. `place` tells people where it stands, such as `report.pdf, page 3` (see `Hit.place`)."""

    number: int
    place: str
    text: str


def format_passages(hits: Iterable[Hit]) -> str:
    """The block of passages, numbered from 1 in the order given. The question is to follow it."""
    blocks = (f"[{n}] {_escaped(' '.join(hit.place.split()))}\n{_escaped(hit.text)}" for n, hit in enumerate(hits, 1))
    inner = "\n\n".join(blocks)
    return f"<passages>\n{inner}\n</passages>"


def parse_passages(message: str) -> tuple[list[Passage], str]:
    """The passages of a user message and the question after them; no passages and the whole text where it has none."""
    begin = _BEGIN.search(message)
    end = _END.search(message, begin.end()) if begin else None
    if begin is None or end is None:
        return [], message.strip()
    question = _QUESTION.sub("", message[end.end() :], count=1)
    numbers_places_texts = _HEADER.split(message[begin.end() : end.start()])[1:]
    triples = zip(*[iter(numbers_places_texts)] * 3, strict=True)
    passages = [Passage(int(number), _plain(place), _plain(text.strip())) for number, place, text in triples]
    return passages, question.strip()


def cited_numbers(text: str, highest: int) -> Iterator[int]:
    """The numbers that a text cites, as they come: `[1]`, `[1, 3]` or `[2-4]`, of which a range ends at `highest`."""
    for group in MARKER.finditer(text):
        for first, last in _NUMBER.findall(group[1]):
            yield int(first)
            yield from range(int(first) + 1, min(int(last or first), highest) + 1)


def _escaped(text: str) -> str:
    return _LOOKS_SPECIAL.sub(r"\\", text.replace("\r\n", "\n").replace("\r", "\n").strip())


def _plain(text: str) -> str:
    return _ESCAPED.sub("", text)
