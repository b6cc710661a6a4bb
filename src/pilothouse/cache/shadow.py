"""What a semantic cache would have served, beside what was really answered: an estimate of its false hits.

An answer served for another question is false where it says something else. Two answers of a model to one question
differ in words as well, so this is an estimate: they agree when they hold the same numbers and are near each other in
meaning or in words. Knows nothing of stores; vectors are given.
"""

import re
from collections import Counter

import msgspec

from pilothouse.cache.calibration import exact_interval

__all__ = ["Comparison", "ShadowReport", "Shadows", "agree", "compare"]

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NEAR = 0.80  # cosine
_OVERLAP = 0.60  # F1 of words


class Comparison(msgspec.Struct, frozen=True):
    """Two answers: the cosine of their vectors, the F1 of their words (0 to 1), whether they hold the same numbers."""

    cosine: float
    overlap: float
    numbers: bool


class ShadowReport(msgspec.Struct, frozen=True):
    """Of `lookups`, `would_hit` had been served; of those, `compared` were compared with the real answer and
    `disagreed` said something else. The rate's interval is 95 %, exact."""

    lookups: int
    would_hit: int
    compared: int
    disagreed: int
    hit_rate: float
    false_hit_rate: float | None
    false_hit_interval: tuple[float, float]


class Shadows:
    """Counts, by project and alias."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counter[str]] = {}

    def looked_up(self, project_id: str, alias: str, *, hit: bool) -> None:
        counts = self._counts.setdefault((project_id, alias), Counter())
        counts["lookups"] += 1
        counts["would_hit"] += hit

    def compared(self, project_id: str, alias: str, comparison: Comparison) -> None:
        counts = self._counts.setdefault((project_id, alias), Counter())
        counts["compared"] += 1
        counts["disagreed"] += not agree(comparison)

    def report(self, project_id: str, alias: str) -> ShadowReport:
        counts = self._counts.get((project_id, alias), Counter())
        compared, disagreed = counts["compared"], counts["disagreed"]
        return ShadowReport(
            counts["lookups"], counts["would_hit"], compared, disagreed,
            counts["would_hit"] / max(1, counts["lookups"]),
            disagreed / compared if compared else None,
            exact_interval(disagreed, compared),
        )  # fmt: skip


def compare(one: str, other: str, cosine: float) -> Comparison:
    """Compare two answers; `cosine` is that of their vectors."""
    a, b = (Counter(_WORD.findall(text.lower())) for text in (one, other))
    shared = (a & b).total()
    numbers = {n.replace(",", "") for n in _NUMBER.findall(one)} == {n.replace(",", "") for n in _NUMBER.findall(other)}
    return Comparison(cosine, 2 * shared / max(1, a.total() + b.total()), numbers)


def agree(comparison: Comparison) -> bool:
    """Whether one answer would have done for the other."""
    return comparison.numbers and (comparison.cosine >= _NEAR or comparison.overlap >= _OVERLAP)
