"""Whether the number that an output gives is the expected one, within a tolerance."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.evals.lacking import lacking
from pilothouse.evals.options import refusal
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.values import accepted

__all__ = ["Numbers", "numbers_in"]

_NUMBER = re.compile(r"(?<![\w.,])[-+\u2212]?(?:[0-9][0-9.,]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])")
_ANSWER = re.compile(r"(?i:\banswer\b[^\n:=]{0,40}?(?:\bis\b|[:=]))|####|\\boxed\{")
_SWAPPED = str.maketrans(",.", ".,")


@dataclass(frozen=True, kw_only=True)
class Numbers(Evaluator):
    """Passes an output whose number equals the expected one within `absolute`, or `relative` to the greater of the two.

    `which` number of the output counts: the last, as after a calculation, the first, any, or the `final` one: that
    after the last "answer is", "####" or "\\boxed", without such words the last. Of an expected text the last number
    counts; a list are several right ones. `decimal` is the mark before the decimals, the other one groups
    thousands. A percent sign or a unit is not looked at.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("expected",))

    relative: float = 1e-6
    absolute: float = 0.0
    which: Literal["last", "first", "any", "final"] = "last"
    decimal: Literal[".", ","] = "."
    name: str = "numbers"

    def __post_init__(self) -> None:
        for option, given in (("relative", self.relative), ("absolute", self.absolute)):
            if not 0 <= given < math.inf:
                raise refusal(self, option, "is a tolerance, not below 0")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if skipped := lacking(self, case, models):
            return skipped
        wanted = [numbers[-1] for text in accepted(case) if (numbers := list(numbers_in(text, self.decimal)))]
        if not wanted:
            return Verdict.skipped(self.name, "What is expected holds no number.")
        looked_at = self._looked_at(case.output)
        passed = any(
            math.isclose(one, other, rel_tol=self.relative, abs_tol=self.absolute)
            for one in looked_at
            for other in wanted
        )
        given = ", ".join(f"{number:.10g}" for number in looked_at[:3]) or "no number"
        return told(self.name, passed, f"The output gives {given}, not {' or '.join(f'{n:.10g}' for n in wanted[:3])}.")

    def _looked_at(self, output: str) -> list[float]:
        found = list(numbers_in(output, self.decimal))
        if self.which == "final":
            for mark in reversed([*_ANSWER.finditer(output)]):
                line = output[mark.end() :].lstrip(" *_`:$").partition("\n")[0]
                if named := list(numbers_in(line, self.decimal)):
                    return named[-1:] if "=" in line else named[:1]
        return found if self.which == "any" else found[:1] if self.which == "first" else found[-1:]


def numbers_in(text: str, decimal: str = ".") -> Iterator[float]:
    """The numbers of a text in their order: `1,234.5` and `1e-3`, not those in names such as `v2` or `1.2.3`.

    With the decimal mark `,` the same is written `1.234,5`.
    """
    for found in _NUMBER.finditer(text):
        written = found[0].rstrip(".,").replace("\u2212", "-")
        written = written.translate(_SWAPPED) if decimal == "," else written
        if _GROUPED.match(written):
            written = written.replace(",", "")
        try:
            number = float(written)
        except ValueError:  # a version, a date, a list without blanks
            continue
        if math.isfinite(number):
            yield number
