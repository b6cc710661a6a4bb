"""Instructions that hold without a condition, and what is said of two that cannot be followed both.

A sentence with a condition ("if", "unless", "or") contradicts nothing: which holds depends.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pilothouse.prompts.lint.draft import Draft, Part
from pilothouse.prompts.lint.finding import Hit, at

__all__ = ["CASES", "PARTIAL", "Said", "against", "sentences"]

_MOST_SENTENCES = 2_000  # of a prompt that are held against each other
_NEAR = 400  # characters before a sentence, in which a word says that it is an example of something
_SHOWN = re.compile(r"\b(?:examples?|beispiele?|exemples?|ejemplos?)\b[^.\n]{0,40}[:\n]", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]{1,600}(?:[.!?](?=\s|$)|\n|$)?")
_CONDITIONAL = re.compile(
    r"\b(?:if|when|unless|except|otherwise|either|or|depending|for example|e\.g|instead|but|falls|wenn|sofern|außer|"
    r"sonst|oder|entweder|"
    r"si|sauf|sinon|ou|cuando|salvo|excepto|o bien)\b", re.IGNORECASE
)  # fmt: skip
CASES = re.compile(
    r"\b(?:if|when|where|unless|except|otherwise|depending|instead|falls|wenn|sofern|außer|sonst|si|sauf|sinon|"
    r"cuando|salvo|"
    r"excepto)\b", re.IGNORECASE
)  # fmt: skip
"""As _CONDITIONAL, without the words that only name what there is to choose from."""
PARTIAL = re.compile(
    r"\b(?:fields?|keys?|values?|propert\w+|strings?|columns?|attribute|section|feld\w*|schlüssel|wert\w*|champs?|"
    r"clés?|valeurs?|"
    r"campos?|claves?|valor\w*|title|heading|titel|titre|título|input|question|example|code ?block|fence)\b|`|"
    r"[\"']\w+[\"']",
    re.IGNORECASE,
)
"""Words by which a sentence speaks of a part of the answer."""


@dataclass(frozen=True, slots=True)
class Said:
    """An instruction: what kind of thing it asks for, and where."""

    what: str
    part: Part
    start: int
    end: int

    @property
    def quoted(self) -> str:
        return " ".join(self.part.text[self.start : self.end].split())[:80]


def sentences(draft: Draft, condition: re.Pattern[str] = _CONDITIONAL) -> Iterator[tuple[Part, int, str]]:
    """The sentences without a condition, each with where it begins; examples of answers are none."""
    left = _MOST_SENTENCES
    for part in draft.parts:
        if part.role == "assistant":
            continue
        for found in _SENTENCE.finditer(part.prose):
            left -= 1
            if left < 0:
                return
            near = part.prose[max(0, found.start() - _NEAR) : found.start()]
            if found.group().strip() and condition.search(found.group()) is None and not _SHOWN.search(near):
                yield part, found.start(), found.group()


def against(one: Said, other: Said, text: str, instead: str) -> Hit:
    """What is said of the later of two instructions."""
    line, _ = one.part.place(one.start)
    return Hit(
        at(other.part, other.start, other.end), f"{text}: '{other.quoted}' against '{one.quoted}' in line {line}.",
        "No answer follows both; the model follows one of them, not always the same.", instead,
    )  # fmt: skip
