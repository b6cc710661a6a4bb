"""Attempts to turn a model against its instructions, as a learned head sees them."""

from dataclasses import dataclass
from typing import ClassVar

from pilothouse.guarded import GuardResult
from pilothouse.guarding import Stage
from pilothouse.guards.heads.learned import Learned
from pilothouse.protocols import Subject

__all__ = ["Injection"]


@dataclass(frozen=True, kw_only=True)
class Injection(Learned):
    """Triggers on texts that look like an injection or a jailbreak to a head over the encoder's vector. What it was
    trained on and what it misses stands in its card. It reads what people write; instructions hidden in documents it
    cannot tell from the documents."""

    stages: ClassVar[frozenset[Stage]] = frozenset(("input", "tool", "retrieval"))
    shipped: ClassVar[str] = "injection"
    told: ClassVar[str] = "The text looks like an attempt to change what the model was told to do"

    name: str = "injection"

    async def check(self, subject: Subject) -> GuardResult:
        if subject.role in ("system", "assistant") and subject.stage == "input":
            return GuardResult.skipped(self.name, "What the application and the model say themselves is no attack.")
        return await super().check(subject)
