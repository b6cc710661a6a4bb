"""Whether an output is, or has, what was expected."""

import re
import string
from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.evals.lacking import lacking
from pilothouse.evals.rules.finding import Phrases, folded
from pilothouse.evals.rules.telling import listed, told
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.values import NotJson, accepted, read, same, written

__all__ = ["ContainsExpected", "ExactMatch", "NormalisedMatch", "normalised"]

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """Lower case, without punctuation, English articles and extra white space: the rules of SQuAD 1.1's evaluation
    (Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


@dataclass(frozen=True, kw_only=True)
class ExactMatch(Evaluator):
    """Passes an output that is what is expected, white space at both ends aside.

    A list of texts are several right answers. Where something else than a text is expected, the output's JSON value is
    compared with it.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("expected",))

    name: str = "exact"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if skipped := lacking(self, case, models):
            return skipped
        return told(self.name, self._matches(case), f"The output is not {listed(accepted(case), 2)}.")

    def _matches(self, case: Case) -> bool:
        if case.output.strip() in map(str.strip, accepted(case)):
            return True
        if isinstance(case.expected, str):
            return False
        try:
            return same(read(case.output), case.expected)
        except NotJson:
            return False


@dataclass(frozen=True, kw_only=True)
class NormalisedMatch(Evaluator):
    """Passes an output that is one of the expected answers after SQuAD's normalisation: case, punctuation, English
    articles and white space do not count."""

    needs: ClassVar[frozenset[Need]] = frozenset(("expected",))

    name: str = "normalised_match"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if skipped := lacking(self, case, models):
            return skipped
        said = normalised(case.output)
        passed = any(said == normalised(answer) for answer in accepted(case))
        return told(self.name, passed, f"'{said[:80]}' is not {listed(accepted(case), 2)}, normalised.")


@dataclass(frozen=True, kw_only=True)
class ContainsExpected(Evaluator):
    """Passes an output that has an expected text in it, as a whole word or phrase, in any case.

    Of a list it has to have `any` or `all`; the score of `all` is the share that is there.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("expected",))

    match: Literal["any", "all"] = "any"
    name: str = "contains_expected"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if skipped := lacking(self, case, models):
            return skipped
        wanted = [text for text in accepted(case) if folded(text)]
        if not wanted:
            return Verdict.skipped(self.name, f"What is expected holds no text: {written(case.expected)[:80]}.")
        found = Phrases(wanted).found(case.output)
        absent = [text for text in wanted if text not in found]
        if self.match == "any":
            return told(self.name, bool(found), f"The output has none of {listed(absent)}.")
        return told(self.name, not absent, f"The output lacks {listed(absent)}.", score=1 - len(absent) / len(wanted))
