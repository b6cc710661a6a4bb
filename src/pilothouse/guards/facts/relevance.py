"""Whether an answer is about what was asked."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.overlap.coherence import content_stems
from pilothouse.overlap.grounding import windows
from pilothouse.protocols import Guard, Subject
from pilothouse.refusals import refuses

__all__ = ["Relevance"]

_MOST = 24  # windows of an answer
_LEAST_WORDS = 4


@dataclass(frozen=True, kw_only=True)
class Relevance(Guard):
    """Triggers where no sentence of the answer, nor the answer as a whole, is near the question: the greatest cosine of
    their vectors is below `threshold`.

    An answer of fewer than four content words, such as a name, is near nothing and is left alone, as is a refusal. It
    notices another topic, not a wrong answer. Of a long answer its first 24 windows of one or two sentences are read.
    """

    stages: ClassVar[frozenset[Stage]] = frozenset(("output",))
    action: ClassVar[Action] = "flag"
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"

    threshold: float = 0.2
    name: str = "relevance"

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"{self.name}.threshold: must be in (0, 1].", param=f"{self.name}.threshold")

    async def check(self, subject: Subject) -> GuardResult:
        about = subject.conversation
        if not about.question.strip():
            return GuardResult.skipped(self.name, "There is no question.")
        if about.models is None or about.models.encode is None:
            return GuardResult.skipped(self.name, "There is no encoder.")
        if len(content_stems(subject.text)) < _LEAST_WORDS or refuses(subject.text):
            return GuardResult.skipped(self.name, "The answer is too short to compare, or a refusal.")
        parts = [subject.text, *windows([subject.text])][: _MOST + 1]
        vectors = await about.models.encode([about.question, *parts])
        near = float(np.clip(vectors[1:] @ vectors[0], 0, 1).max())
        if near >= self.threshold:
            return GuardResult.passed(self.name, score=1 - near)
        return GuardResult.triggered(
            self.name, f"The answer is not about the question: their nearness is {near:.2f}.", score=1 - near,
            correction="Answer the question that was asked, and nothing else.",
        )  # fmt: skip
