"""The claims of an answer: sentences that state something, where they stand, and the passages that each cites.

Knows nothing of what passages say.
"""

import re
from typing import NamedTuple

from pilothouse.overlap.coherence import content_stems
from pilothouse.overlap.sentences import sentence_spans
from pilothouse.passages import MARKER, cited_numbers
from pilothouse.refusals import refuses

__all__ = ["Claim", "claims"]

_CODE = re.compile(r"^[ \t]*```.*?(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_LEADING = re.compile(rf"\s*(?:{MARKER.pattern}\s*)+[.,;:]?\s*")
_HIGHEST = 10_000  # of numbers in brackets
_LEAST_WORDS = 2
_UNKNOWN = re.compile(
    r"\b(?:do not|don't|does not|doesn't|cannot|can't|could not|couldn't|not) "
    r"(?:know|say|state|mention|tell|find|contain|specify|provided|stated|mentioned)\b",
    re.IGNORECASE,
)


class Claim(NamedTuple):
    """What is claimed, without the markers of its citations; where it stands, with them; and the numbers it cites."""

    text: str
    start: int
    end: int
    cited: tuple[int, ...] = ()


def claims(text: str) -> list[Claim]:
    """The sentences that claim something, in order: no questions, headings or code, none of fewer than two content
    words, none that says that something is not known, and no refusal. Markers after a full stop belong to the sentence
    before it."""
    plain = _CODE.sub(lambda code: " " * len(code[0]), text)
    found: list[Claim] = []
    for start, end in _sentences(plain):
        whole = plain[start:end]
        said = " ".join(MARKER.sub("", whole).split())
        if _claims_something(said):
            found.append(Claim(said, start, end, tuple(dict.fromkeys(cited_numbers(whole, _HIGHEST)))))
    return found


def _sentences(text: str) -> list[tuple[int, int]]:
    """Sentences with the markers behind them. One that is nothing but markers goes with the one before."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        leading = _LEADING.match(text, start, end) if spans else None
        if leading is not None and "\n\n" not in text[spans[-1][1] : start]:
            spans[-1] = (spans[-1][0], start + len(text[start : leading.end()].rstrip()))
            start = leading.end()
        if start < end:
            spans.append((start, end))
    return spans


def _claims_something(said: str) -> bool:
    if said.endswith(("?", "？", ":")) or said.startswith("#") or refuses(said) or _UNKNOWN.search(said):
        return False
    return len(content_stems(said)) >= _LEAST_WORDS
