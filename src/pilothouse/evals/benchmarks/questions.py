"""Questions of a benchmark, whatever file they came from. Knows nothing of files, prompts and models."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from pilothouse.types import Json

__all__ = ["LETTERS", "UNANSWERABLE", "Kind", "Question", "drawn"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The names of choices, in their order."""

UNANSWERABLE = "unanswerable"
"""What is to be said where a passage does not answer the question."""

Kind = Literal["choice", "number", "text"]
"""What an answer is: the letter of a choice, a number, or words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its right answers: texts, of which any will do, or the letter of the one of `choices` that is
    right. `passage` is what it is asked about, `worked` how its answer is come to, `subject` what it belongs to."""

    id: str
    text: str
    kind: Kind
    answers: tuple[str, ...]
    choices: tuple[str, ...] = ()
    passage: str | None = None
    worked: str | None = None
    subject: str | None = None

    @property
    def metadata(self) -> Json:
        """What a case of it keeps beside its prompt."""
        told: Json = {"question": self.text}
        if self.choices:
            told["choices"] = list(self.choices)
        if self.subject:
            told["subject"] = self.subject
        return told


def drawn(questions: Sequence[Question], count: int, *seed: object) -> list[Question]:
    """So many of them by chance, in the order in which they stand; all where there are no more. The same `seed` draws
    the same."""
    if count >= len(questions):
        return list(questions)
    digest = blake2b("\n".join(map(str, seed)).encode(), digest_size=8).hexdigest()
    chosen = random.Random(digest).sample(range(len(questions)), max(0, count))
    return [questions[index] for index in sorted(chosen)]
