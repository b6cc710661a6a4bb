"""How long a text may be."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action
from pilothouse.protocols import Guard, Subject

__all__ = ["Length"]

_CHARACTERS = 4  # a token, in English


@dataclass(frozen=True, kw_only=True)
class Length(Guard):
    """Triggers where a text has fewer than `at_least` or more than `at_most` tokens, estimated at four characters each,
    or characters with `unit: characters`."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "block"

    at_least: int = 0
    at_most: int | None = None
    unit: Literal["tokens", "characters"] = "tokens"
    name: str = "length"

    def __post_init__(self) -> None:
        if self.at_least < 0 or (self.at_most is not None and self.at_most < max(1, self.at_least)):
            raise ConfigError(f"{self.name}.at_most: must be above at_least.", param=f"{self.name}.at_most")

    async def check(self, subject: Subject) -> GuardResult:
        size = len(subject.text) if self.unit == "characters" else -(-len(subject.text) // _CHARACTERS)
        if size < self.at_least:
            wanted = f"at least {self.at_least:,}"
        elif self.at_most is not None and size > self.at_most:
            wanted = f"at most {self.at_most:,}"
        else:
            return GuardResult.passed(self.name, detail={self.unit: size})
        return GuardResult.triggered(
            self.name, f"The text has {size:,} {self.unit}; wanted are {wanted}.", detail={self.unit: size},
            correction=f"Write {wanted} {self.unit}.",
        )  # fmt: skip
