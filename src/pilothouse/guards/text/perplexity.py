"""Stretches that read like no language: suffixes that a search found and nobody wrote (Zou et al., 2023)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.text.letters import OTHER, Letters, codes_of
from pilothouse.protocols import Guard, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Perplexity", "strangeness"]

_WINDOW = 60
_LEAST = 40
"""Characters that must be there to judge."""
_NEUTRAL = 2.5
"""Bits of what is not judged: addresses, long codes, numbers, other scripts."""
_APART = (re.compile(r"(?<![\w+/=.:@-])[\w+/=.:@-]{25,}"), re.compile(r"\d[\d.,:/ -]{5,}"))
_ADDRESS = re.compile(r"://\S+")


@dataclass(frozen=True, kw_only=True)
class Perplexity(Guard):
    """Triggers where 60 characters in a row are as unexpected as `bits` each, to a model of three letters in a row.
    Addresses, runs of 25 letters and more and scripts other than Latin are not judged."""

    stages: ClassVar[frozenset[Stage]] = frozenset(("input", "tool", "retrieval"))
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "block"

    bits: float = 7.0
    name: str = "perplexity"

    def __post_init__(self) -> None:
        if not 0 < self.bits < 16:
            raise ConfigError(f"{self.name}.bits: must be above 0 and below 16.", param=f"{self.name}.bits")

    async def check(self, subject: Subject) -> GuardResult:
        means = subject.once(_means)
        if means is None:
            return GuardResult.skipped(self.name, f"There are fewer than {_LEAST} characters to judge.")
        most = float(means.max())
        detail = {"bits": round(most, 2)}
        score = 1 / (1 + 2 ** (4 * (self.bits - most)))
        if most < self.bits:
            return GuardResult.passed(self.name, score=score, detail=detail)
        over = np.flatnonzero(means >= self.bits)
        places = [
            Finding("unreadable", int(run[0]), min(int(run[-1]) + _WINDOW, len(subject.text)))
            for run in np.split(over, np.flatnonzero(np.diff(over) > _WINDOW) + 1)
        ]
        return GuardResult.triggered(
            self.name, f"A stretch of the text reads like no language: {most:.1f} bits a character.", score=score,
            findings=tuple(places), detail=detail,
        )  # fmt: skip


def strangeness(text: str) -> float | None:
    """The mean bits a character of the most unexpected 60 in a row; None where there is too little to judge."""
    means = _means_of(text)
    return None if means is None else float(means.max())


def _means(subject: Subject) -> "NDArray[np.float64] | None":
    return _means_of(subject.text)


def _means_of(text: str) -> "NDArray[np.float64] | None":
    codes = codes_of(text)
    bits, judged = _letters().surprise(codes), codes != OTHER
    for pattern in (*_APART, _ADDRESS) if "://" in text else _APART:
        for found in pattern.finditer(text):
            judged[found.start() : found.end()] = False
    if int(judged.sum()) < _LEAST:
        return None
    bits = np.where(judged, bits, _NEUTRAL)
    size = min(_WINDOW, len(bits))
    sums = np.concatenate(([0.0], np.cumsum(bits)))
    return (sums[size:] - sums[:-size]) / size


@lru_cache(1)
def _letters() -> Letters:
    return Letters.shipped()
