"""Whether an output is in the language that it should be in."""

from dataclasses import dataclass

from pilothouse.evals.options import refusal
from pilothouse.evals.rules.telling import listed
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.evals.values import question
from pilothouse.stats.language import language_of

__all__ = ["Language"]


@dataclass(frozen=True, kw_only=True)
class Language(Evaluator):
    """Passes an output in one of `languages` (ISO 639-1 codes), without any in the language of the question.

    Guessed from the script and the commonest words of the first 500 characters, of 26 languages. Where that is a
    toss-up, as for very short texts and code, the case is skipped. `label` is the language of the output.
    """

    languages: tuple[str, ...] = ()
    name: str = "language"

    def __post_init__(self) -> None:
        for code in self.languages:
            if not (len(code) == 2 and code.isascii() and code.islower()):
                raise refusal(self, "languages", f"'{code}' is no ISO 639-1 code, which has two small letters")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        spoken = language_of(case.output)
        if spoken is None:
            return Verdict.skipped(self.name, "The language of the output cannot be told.")
        wanted = list(self.languages)
        if not wanted:
            asked = language_of(question(case))
            if asked is None:
                return Verdict.skipped(self.name, "The language of the question cannot be told.")
            wanted = [asked]
        passed = spoken in wanted
        why = "" if passed else f"The output is in '{spoken}', not in {listed(wanted)}."
        return Verdict.ok(self.name, float(passed), passed=passed, label=spoken, explanation=why)
