"""Whether an output cites passages that it was given, and quotes what stands there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pilothouse.evals.lacking import lacking
from pilothouse.evals.options import refusal
from pilothouse.evals.rules.finding import folded
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.passages import cited_numbers

__all__ = ["Citation", "quotes_in"]

_QUOTE = re.compile(
    r"\"([^\"\n]{1,2000})\"|\u201c([^\u201c\u201d\n]{1,2000})\u201d|\u00ab([^\u00ab\u00bb\n]{1,2000})\u00bb"
)
_ELLIPSIS = re.compile(r"\s*(?:\[?\.\.\.\]?|\[?\u2026\]?)\s*")
_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})
_EDGES = " .,;:!?"
_MOST_FAULTS = 20


@dataclass(frozen=True, kw_only=True)
class Citation(Evaluator):
    """Passes an output whose markers (`[1]`, `[1, 3]`, `[2-4]`) are the numbers of passages of the context, from 1, and
    whose quotations stand in the context word for word.

    A quotation is a text of at least `quoted_words` words in double quotation marks, 0 to look at none; cases, spaces
    and kinds of marks aside, and `...` stands for what was left out. Without a marker the output passes only where none
    is `required`. The score is the share of markers and quotations that hold, 0 where a required marker is missing.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("context",))

    required: bool = True
    quoted_words: int = 4
    name: str = "citation"

    def __post_init__(self) -> None:
        if self.quoted_words < 0:
            raise refusal(self, "quoted_words", "is below 0")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if skipped := lacking(self, case, models):
            return skipped
        passages = len(case.context)
        cited = sorted(set(cited_numbers(case.output, passages + 1)))
        if not cited and self.required:
            return told(self.name, False, "The output cites nothing.", detail={"cited": []})
        wrong = [f"[{number}] is none of the {passages} passages" for number in cited if not 1 <= number <= passages]
        quotes = list(quotes_in(case.output, self.quoted_words)) if self.quoted_words else []
        if quotes:
            given = [_plain(passage) for passage in case.context]
            wrong += [f'"{quote[:80]}" is in no passage' for quote in quotes if not _stands(quote, given)]
        looked_at = len(cited) + len(quotes)
        score = 1 - len(wrong) / looked_at if looked_at else 1.0
        detail = {"cited": [number for number in cited if 1 <= number <= passages], "faults": wrong[:_MOST_FAULTS]}
        return told(self.name, not wrong, "; ".join(wrong[:3]) + ".", score=score, detail=detail)


def quotes_in(text: str, words: int) -> Iterator[str]:
    """What stands in double quotation marks on one line and has at least so many words."""
    for found in _QUOTE.finditer(text):
        quote = next(filter(None, found.groups()))
        if len(quote.split()) >= words:
            yield quote


def _stands(quote: str, passages: list[str]) -> bool:
    """Whether the parts of a quotation stand in one passage, in their order."""
    parts = [part for part in (_plain(part).strip(_EDGES) for part in _ELLIPSIS.split(quote)) if part]
    return any(_in_order(parts, passage) for passage in passages)


def _in_order(parts: list[str], passage: str) -> bool:
    at = 0
    for part in parts:
        at = passage.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _plain(text: str) -> str:
    return folded(text.translate(_PLAIN))
