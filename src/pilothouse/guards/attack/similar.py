"""Texts that hold much of an attack that somebody confirmed."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.normal.forms import normal_of
from pilothouse.protocols import Guard, Subject

__all__ = ["AttackSimilarity"]

_FORMS = 8
"""Forms of a text that are compared."""


@dataclass(frozen=True, kw_only=True)
class AttackSimilarity(Guard):
    """Triggers where a text, in any form, holds `share` of an attack that was confirmed in the project: the same with
    other names and numbers, a part of it, or within a longer text. Says nothing of the same in other words."""

    stages: ClassVar[frozenset[Stage]] = frozenset(("input", "tool", "retrieval"))
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "block"

    share: float = 0.4
    name: str = "attack_similarity"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"{self.name}.share: must be above 0 and at most 1.", param=f"{self.name}.share")

    async def check(self, subject: Subject) -> GuardResult:
        models = subject.conversation.models
        if models is None or models.attacks is None:
            return GuardResult.skipped(self.name, "There is no store of confirmed attacks here.")
        forms = subject.once(normal_of).forms[:_FORMS]
        found = [near for form in forms if (near := await models.attacks(form.text)) is not None]
        if not found:
            return GuardResult.skipped(self.name, "No attack is confirmed, or the text is too short to compare.")
        share, attack = max(found)
        if share < self.share:
            return GuardResult.passed(self.name, score=share)
        return GuardResult.triggered(
            self.name, f"The text holds {share:.0%} of a confirmed attack.", score=share, detail={"attack": attack}
        )
