"""How likely an answer is good, by what can be told of it without asking anybody, so that people look at the doubtful.

The signal is how far the passages carry the claims, in the mean and the weakest, and how near the answer is to the
question. It is a probability only once it is calibrated on answers of which it is known whether they were good.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.facts.evidence import Kept
from pilothouse.guards.facts.holding import held
from pilothouse.protocols import Guard, Subject
from pilothouse.stats.calibrating import Isotonic
from pilothouse.types import Json

__all__ = ["Confidence"]

_NEAR = 0.25  # weight of the nearness to the question, beside the passages
_WEAKEST = 0.5  # weight of the weakest claim within what the passages carry


@dataclass(frozen=True, kw_only=True)
class Confidence(Guard):
    """Triggers where the probability that an answer is good is below `threshold`.

    `scores` and `chances` are the steps of an isotonic calibration (`pilothouse.stats.calibrating.Isotonic`, its `at`
    and `value`): signals in rising order, and what each is worth. Without them the signal itself is held against the
    threshold, and `detail.calibrated` says so. An answer without passages or without a claim is skipped.
    """

    stages: ClassVar[frozenset[Stage]] = frozenset(("output",))
    action: ClassVar[Action] = "flag"
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"

    threshold: float = 0.5
    scores: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()
    name: str = "confidence"

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise self._wrong("threshold", "must be in (0, 1].")
        if len(self.scores) != len(self.chances):
            raise self._wrong("chances", f"has {len(self.chances)} values for {len(self.scores)} scores.")
        if [*self.scores] != sorted(set(self.scores)):
            raise self._wrong("scores", "must rise.")
        if [*self.chances] != sorted(self.chances) or not all(0 <= one <= 1 for one in self.chances):
            raise self._wrong("chances", "must lie in [0, 1] and never fall.")

    @cached_property
    def _kept(self) -> Kept:
        return Kept()

    async def check(self, subject: Subject) -> GuardResult:
        found = await held(self.name, subject, self._kept)
        if isinstance(found, GuardResult):
            return found
        if not found.claims:
            return GuardResult.skipped(self.name, "The answer claims nothing.")
        figures = [one.together for one in found.carried]
        signal = (1 - _WEAKEST) * sum(figures) / len(figures) + _WEAKEST * min(figures)
        if (question := subject.conversation.question).strip():
            asked, answered = await found.encode([question, subject.text])
            signal = (1 - _NEAR) * signal + _NEAR * float(np.clip(asked @ answered, 0, 1))
        return self._told(signal)

    def _told(self, signal: float) -> GuardResult:
        chance = Isotonic(self.scores, self.chances).of(signal) if self.scores else signal
        detail: Json = {"signal": round(signal, 4), "chance": round(chance, 4), "calibrated": bool(self.scores)}
        if chance >= self.threshold:
            return GuardResult.passed(self.name, score=1 - chance, detail=detail)
        told = f"The chance that the answer is good is {chance:.2f}, below {self.threshold:g}."
        return GuardResult.triggered(self.name, told, score=1 - chance, detail=detail)

    def _wrong(self, option: str, what: str) -> ConfigError:
        return ConfigError(f"{self.name}.{option}: {what}", param=f"{self.name}.{option}")
