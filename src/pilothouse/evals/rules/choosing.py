"""Whether an output chose the right one of several choices, however it says so."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pilothouse.evals.lacking import lacking
from pilothouse.evals.rules.finding import Phrases, folded
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.values import accepted, written

__all__ = ["Choice", "choice_in"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_USUAL = "ABCDEFGH"  # where nobody says how many there are; I is a word
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_MARKED = r"[\s*_`\"'(\[{$]{0,8}(?:\\(?:text|mathrm|mathbf)\{)?"
_SAID = re.compile(
    r"(?:(?i:\b(?:answer|solution)\b(?:\s+(?:is|would be|should be|must be))?(?:\s+(?:option|choice))?)\s*[:=]?"
    r"|####|\\boxed\{)" + _MARKED + r"([A-Z])(?![\w'\u2019])"
)
_MEANT = re.compile(
    r"(?i:\b(?:choose|pick|select|go with|option|choice)\b(?:\s+(?:is|option|choice))?)" + _MARKED + r"([A-Z])(?!\w)"
)
_ALONE = re.compile(r"[\s*_`\"'(\[{]*([A-Za-z])[\s*_`\"')\]}.:,]*")
_FIRST = re.compile(r"[\s*_`\"'(\[{]*([A-Z])[*_`\"']*(?:[).:\]}](?!\s*(?:or|and)\b)|\s*[-\u2013\u2014]\s|\s*\n)")
_BRACKETED = re.compile(r"\(([A-Z])\)|\*\*([A-Z])(?:\*\*|[.):])|\[([A-Z])\]")


@dataclass(frozen=True, kw_only=True)
class Choice(Evaluator):
    """Passes an output that chose what was expected: a letter, or the text of one of the case's `choices` (a list in
    its metadata, or in its input).

    The letter is found where the output is nothing else, begins with it, names it as its answer, or has it alone in
    brackets; else the one choice whose text it holds. The label is the letter, `none` where there is none or there are
    several: that is wrong. What stands in `<think>` is not looked at.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("expected",))

    name: str = "choice"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if skipped := lacking(self, case, models):
            return skipped
        choices = _choices(case)
        right = {letter for text in accepted(case) if (letter := _letter(text, choices))}
        if not right:
            why = f"What is expected is no letter and none of the choices: {written(case.expected)[:80]}."
            return Verdict.skipped(self.name, why)
        chosen = choice_in(case.output, choices)
        passed = chosen in right
        found = f"It chose {chosen}, not {' or '.join(sorted(right))}." if chosen else "It chose none."
        return Verdict.ok(
            self.name, float(passed), passed=passed, label=chosen or "none", explanation="" if passed else found
        )


def choice_in(output: str, choices: Sequence[str] = ()) -> str | None:
    """The letter of the choice that an output names; None for none, and where it cannot be told which."""
    letters = _LETTERS[: len(choices)] or _USUAL
    said = _THOUGHT.sub("", output).strip()
    if (alone := _ALONE.fullmatch(said)) and alone[1].upper() in letters:
        return str(alone[1]).upper()
    if named := [found for found in _SAID.findall(said) if found in letters]:
        return str(named[-1])
    if (first := _FIRST.match(said)) and first[1] in letters:
        return str(first[1])
    if len(meant := {found for found in _MEANT.findall(said) if found in letters}) == 1:
        return str(meant.pop())
    bracketed = {letter for found in _BRACKETED.findall(said) for letter in found if letter and letter in letters}
    if len(bracketed) == 1:
        return str(bracketed.pop())
    return _held(said, choices)


def _held(said: str, choices: Sequence[str]) -> str | None:
    """The one choice whose text is there; of two of which one holds the other, the longer."""
    texts = {text: letter for letter, text in zip(_LETTERS, choices, strict=False) if folded(text)}
    found = Phrases(texts).found(said)
    longest = [one for one in found if not any(one != other and folded(one) in folded(other) for other in found)]
    return texts[longest[0]] if len(longest) == 1 else None


def _letter(text: str, choices: Sequence[str]) -> str | None:
    if text in choices:
        return _LETTERS[list(choices).index(text)]
    letter = text.strip().upper()
    return letter if len(letter) == 1 and letter in (_LETTERS[: len(choices)] or _LETTERS) else None


def _choices(case: Case) -> list[str]:
    given = case.metadata.get("choices")
    if given is None and isinstance(case.input, dict):
        given = case.input.get("choices")
    return [written(one) for one in given[: len(_LETTERS)]] if isinstance(given, list) else []
