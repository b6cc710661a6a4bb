"""Requests that two models answered, and what belongs together among them. Plain data; knows nothing of databases."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

__all__ = ["COMMON", "Answers", "Asked", "Place", "groups_of"]

Place = tuple[str, str]
"""A call: its trace and its span."""

COMMON = 5
"""A request that came from more sources than this (a greeting, say) belongs to none of them."""


@dataclass(slots=True)
class Answers:
    """What one of the models answered to a request: the scores, and the cost of each call (nano-USD, None: unknown)."""

    scores: list[float] = field(default_factory=list)
    costs: dict[Place, int | None] = field(default_factory=dict)

    @property
    def score(self) -> float:
        return fmean(self.scores)

    @property
    def usd(self) -> float | None:
        """The mean cost of the calls whose cost is known."""
        known = [nano for nano in self.costs.values() if nano is not None]
        return fmean(known) / 1e9 if known else None


@dataclass(slots=True)
class Asked:
    """A request, which can be read at `place`, whose body came on `day`, in the dialect of this `operation`. `sources`
    are the sessions, users or traces that it came from."""

    place: Place
    day: int | None = None
    operation: str | None = None
    sources: set[str] = field(default_factory=set)
    simple: Answers = field(default_factory=Answers)
    complex: Answers = field(default_factory=Answers)

    @property
    def paired(self) -> bool:
        return bool(self.simple.scores and self.complex.scores)


def groups_of(requests: Sequence[Asked]) -> list[str]:
    """For each request the name of its group: those that share a source, also by way of others, have the same. Empty
    for one that belongs to no source."""
    parent: dict[str, str] = {}

    def find(source: str) -> str:
        while (above := parent.setdefault(source, source)) != source:
            parent[source] = parent[above]
            source = above
        return source

    own = [sorted(asked.sources) if len(asked.sources) <= COMMON else [] for asked in requests]
    for sources in own:
        for source in sources:
            one, other = sorted((find(sources[0]), find(source)))
            parent[other] = one
    return [find(sources[0]) if sources else "" for sources in own]
