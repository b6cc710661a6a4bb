"""What a guard says of a text: whether it triggered, how sure it is, and where.

A text that nobody looked at never counts as passed. Knows nothing of guards.
"""

import math
from typing import Literal

import msgspec

from pilothouse.types import Json

__all__ = ["Finding", "GuardResult", "Looked"]

Looked = Literal["passed", "triggered", "skipped", "failed"]
"""`skipped`: there was nothing that it could look at. `failed`: it could not look, as when a remote one is down."""


class Finding(msgspec.Struct, frozen=True):
    """A stretch of the text, `text[start:end]` in characters, and of what `kind` it is, such as `email`.

    `replacement` is what a redaction puts in its place, `[kind]` where it is None.
    """

    kind: str
    start: int
    end: int
    replacement: str | None = None
    score: float = 1.0

    @property
    def instead(self) -> str:
        return f"[{self.kind}]" if self.replacement is None else self.replacement


class GuardResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one guard says of one text. Made by `passed`, `triggered`, `skipped` or `failed`.

    `score` in [0, 1] is how likely it is what the guard looks for. `reason` says why, in a sentence that holds nothing
    secret: it is kept, and told to the caller. `correction` tells a model what to mend, where it may try again.
    `repaired` is the text as it should have been, where the guard knows. `cost_nano` is what asking cost, None where
    that is unknown. Raises ValueError for anything else.
    """

    guard: str
    status: Looked
    score: float | None = None
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    correction: str = ""
    repaired: str | None = None
    detail: Json = {}
    cost_nano: int | None = 0

    def __post_init__(self) -> None:
        if self.score is not None and not math.isfinite(self.score):
            raise ValueError(f"{self.score} is not a score: what could not be told is 'failed' or 'skipped'")
        if self.status != "passed" and not self.reason:
            raise ValueError(f"a result that is '{self.status}' says why")
        if self.findings and self.status != "triggered":
            raise ValueError(f"a result that is '{self.status}' has found nothing")

    @classmethod
    def passed(
        cls, guard: str, *, score: float | None = None, detail: Json | None = None, cost_nano: int | None = 0
    ) -> "GuardResult":
        """It looked, and there is nothing."""
        return cls(guard=guard, status="passed", score=score, detail=detail or {}, cost_nano=cost_nano)

    @classmethod
    def triggered(
        cls, guard: str, reason: str, *, score: float | None = None, findings: tuple[Finding, ...] = (),
        correction: str = "", repaired: str | None = None, detail: Json | None = None, cost_nano: int | None = 0,
    ) -> "GuardResult":  # fmt: skip
        """It found what it looks for."""
        return cls(
            guard=guard, status="triggered", score=score, reason=reason, findings=findings, correction=correction,
            repaired=repaired, detail=detail or {}, cost_nano=cost_nano,
        )  # fmt: skip

    @classmethod
    def skipped(cls, guard: str, reason: str) -> "GuardResult":
        """There was nothing that it could look at; `reason` names what is missing."""
        return cls(guard=guard, status="skipped", reason=reason)

    @classmethod
    def failed(cls, guard: str, reason: str, *, cost_nano: int | None = 0) -> "GuardResult":
        """It was asked and could not look."""
        return cls(guard=guard, status="failed", reason=reason, cost_nano=cost_nano)
