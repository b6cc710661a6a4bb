"""Which passages an answer cites: the numbers in its text, `[1]`, `[1, 3]` or `[2-4]`, mapped to the passages."""

import re
from collections.abc import Iterator, Sequence

from pilothouse.types import Citation, Hit

__all__ = ["citations"]

_GROUP = re.compile(r"[\[【]\s*(\d{1,4}(?:\s*(?:[,;–-]|and)\s*\d{1,4})*)\s*[\]】]")
_ITEM = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")


def citations(text: str, hits: Sequence[Hit]) -> list[Citation]:
    """The passages that `text` cites, in the order of their numbers. Numbers without a passage are left out.

    Passage `n` of the prompt is `hits[n - 1]`.
    """
    cited = sorted({number for number in _numbers(text, len(hits)) if 1 <= number <= len(hits)})
    return [_citation(number, hits[number - 1]) for number in cited]


def _numbers(text: str, highest: int) -> Iterator[int]:
    for group in _GROUP.finditer(text):
        for first, last in _ITEM.findall(group[1]):
            yield from range(int(first), min(int(last or first), highest) + 1)


def _citation(number: int, hit: Hit) -> Citation:
    return Citation(number, hit.chunk_id, hit.source, hit.place, hit.page, hit.headings)
