"""What forms claim of a text, and who has what where several claim the same characters."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pilothouse.pii.forms import CONTEXT, Form

__all__ = ["Claim", "Found", "clusters", "resolved"]


class Found(NamedTuple):
    """What was found in a text, from one place to another: `text[start:end]` is of this kind."""

    kind: str
    start: int
    end: int


class Claim(NamedTuple):
    """What the form of a rank says to have found; the lower the rank the more certain."""

    start: int
    rank: int
    end: int
    kind: str


def clusters(claims: list[Claim]) -> Iterator[Sequence[Claim]]:
    """The claims in order, those together that overlap, or overlap with one that does."""
    claims.sort()
    at = 0
    while at < len(claims):
        end, until = claims[at].end, at + 1
        while until < len(claims) and claims[until].start < end:
            end = max(end, claims[until].end)
            until += 1
        yield claims[at:until]
        at = until


def resolved(cluster: Sequence[Claim], text: str, forms: Mapping[int, Form], base: int = 0) -> list[Found]:
    """Who has what, in order. `text` begins at the place `base` of the whole."""
    kept: list[Claim] = []
    for one in sorted(cluster, key=lambda one: (one.rank, one.start)) if len(cluster) > 1 else cluster:
        made = _clipped(one, kept, text, forms[one.rank], base)
        if made is not None:
            insort(kept, made)
    return [Found(one.kind, one.start, one.end) for one in kept]


def _clipped(one: Claim, kept: Sequence[Claim], text: str, form: Form, base: int) -> Claim | None:
    """The claim where nobody has it, or what is left of it before the first that has."""
    after = bisect_left(kept, one)
    if after and kept[after - 1].end > one.start:
        return None
    if after == len(kept) or kept[after].start >= one.end:
        return one
    start, end = one.start - base, kept[after].start - base
    if end == start or form.cued:
        return None
    match = form.pattern.match(text, start, end)
    told = None if match is None else form.tell(match[0], text[max(0, start - CONTEXT) : start])
    if match is None or told is None:
        return None
    kind, length = (told, len(match[0])) if isinstance(told, str) else told
    return one._replace(kind=kind, end=one.start + length)
