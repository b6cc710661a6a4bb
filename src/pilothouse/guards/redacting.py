"""Findings of several guards in one text put in order, and the text with all of them replaced. Pure functions."""

from collections.abc import Iterable, Sequence

from msgspec import structs

from pilothouse.guarded import Finding

__all__ = ["apart", "redacted"]


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """In order, and none over another: those that overlap become one, from where the first begins to where the last
    ends, and of the kind of the first, of those that begin together the longest. So nothing found stays."""
    kept: list[Finding] = []
    for one in sorted(findings, key=lambda one: (one.start, -one.end)):
        if one.end <= one.start:
            continue
        if kept and one.start < kept[-1].end:
            if one.end > kept[-1].end:
                kept[-1] = structs.replace(kept[-1], end=one.end)
        else:
            kept.append(one)
    return kept


def redacted(text: str, findings: Sequence[Finding]) -> str:
    """The text with what was found replaced."""
    made, at = list[str](), 0
    for one in apart(findings):
        made += [text[at : one.start], one.instead]
        at = one.end
    return "".join([*made, text[at:]])
