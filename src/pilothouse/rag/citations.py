"""Which passages an answer cites: the numbers in its text, `[1]`, `[1, 3]` or `[2-4]`, mapped to the passages."""

from collections.abc import Sequence

from pilothouse.passages import cited_numbers
from pilothouse.types import Citation, Hit

__all__ = ["citations"]


def citations(text: str, hits: Sequence[Hit]) -> list[Citation]:
    """The passages that `text` cites, in the order of their numbers. Numbers without a passage are left out.

    Passage `n` of the prompt is `hits[n - 1]`.
    """
    cited = sorted({number for number in cited_numbers(text, len(hits)) if 1 <= number <= len(hits)})
    return [_citation(number, hits[number - 1]) for number in cited]


def _citation(number: int, hit: Hit) -> Citation:
    return Citation(number, hit.chunk_id, hit.source, hit.place, hit.page, hit.headings)
