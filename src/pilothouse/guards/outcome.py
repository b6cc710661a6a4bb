"""What came of an answer that a guard asked for, whole or part by part."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pilothouse.types import Json

__all__ = ["GuardOutcome", "GuardStream", "Reask"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reask:
    """An answer that would not do: its text, what was wrong, and what the model was told to mend."""

    output: str
    errors: tuple[str, ...]
    correction: str


@dataclass(frozen=True)
class GuardOutcome(Generic[T]):
    """What came of it. `validated_output` is the object, the JSON value or the text that passed, None where none did;
    `raw_output` the last answer as it came, None where nobody was asked. `reasks` are the answers before it, `error`
    says what is wrong with the last one. `mended` says what was done to it, `results` what guards said of it, as
    `/api/guards/check` tells it."""

    validated_output: T | None
    raw_output: str | None
    passed: bool
    error: str | None = None
    reasks: tuple[Reask, ...] = ()
    mended: tuple[str, ...] = ()
    results: tuple[Json, ...] = field(default=(), repr=False)


class GuardStream(Generic[T]):
    """An answer on its way, part by part. `outcome` is there at the end, also where that raised."""

    def __init__(self) -> None:
        self.outcome: GuardOutcome[T] | None = None
        self._parts: AsyncIterator[T]

    def begin(self, parts: AsyncIterator[T]) -> None:
        """Take the parts from there."""
        self._parts = parts

    def __aiter__(self) -> AsyncIterator[T]:
        return self._parts
