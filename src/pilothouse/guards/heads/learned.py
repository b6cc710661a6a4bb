"""What guards by a learned head have in common: the head of each piece of a text, and the highest counts."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action
from pilothouse.guards.heads.vectors import Read, vectors_of
from pilothouse.models.heads import Head
from pilothouse.protocols import Guard, Subject

__all__ = ["Learned"]


@dataclass(frozen=True, kw_only=True)
class Learned(Guard):
    """`head` is a file that `pilothouse guards train` or `calibrate` made, the one that ships where it is None;
    `threshold` stands in the place of the head's own. A text that is too long to be read whole and in which nothing was
    found is `skipped`, not passed.
    """

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "window"
    action: ClassVar[Action] = "block"
    shipped: ClassVar[str]
    told: ClassVar[str]

    head: str | None = None
    threshold: float | None = None
    name: str

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ConfigError(f"{self.name}.threshold: must lie between 0 and 1.", param=f"{self.name}.threshold")
        try:
            columns = len(self.trained.inputs)
        except ConfigError as error:
            raise ConfigError(f"{self.name}.head: {error.message}", param=f"{self.name}.head") from None
        if columns != Head.shipped(self.shipped).weights.size:
            raise ConfigError(f"{self.name}.head: {self.head}: is no head of a guard.", param=f"{self.name}.head")

    @cached_property
    def trained(self) -> Head:
        return Head.shipped(self.shipped) if self.head is None else Head.load(Path(self.head))

    async def check(self, subject: Subject) -> GuardResult:
        read = await vectors_of(subject)
        return self.judged(read)

    def judged(self, read: Read) -> GuardResult:
        """By the vectors of a text."""
        if read.missing:
            return GuardResult.skipped(self.name, read.missing)
        threshold = self.trained.threshold if self.threshold is None else self.threshold
        chances = self.trained.probabilities(read.rows.astype("float64"))
        score = round(float(chances.max()), 4)
        detail = {"threshold": threshold, "read": read.characters, "characters": read.size}
        if score < threshold:
            if not read.is_whole:
                why = f"Only {read.characters:,} of {read.size:,} characters were read; nothing was found in them."
                return GuardResult.skipped(self.name, why)
            return GuardResult.passed(self.name, score=score, detail=detail)
        found = tuple(
            Finding(self.name, start, end, None, round(float(chance), 4))
            for (start, end), chance in zip(read.places, chances, strict=True)
            if chance >= threshold
        )
        return GuardResult.triggered(
            self.name, f"{self.told} ({score:.2f}, from {threshold:.2f} on).", score=score, findings=found,
            detail=detail,
        )  # fmt: skip
