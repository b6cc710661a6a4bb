"""Words and phrases that a text may not hold: names of competitors, or whatever else a list says."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action
from pilothouse.protocols import Guard, Subject

__all__ = ["Words"]


@dataclass(frozen=True, kw_only=True)
class Words(Guard):
    """Triggers on any of `words`, whole and in any case. `kind` stands in their place when they are redacted."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "window"
    action: ClassVar[Action] = "block"

    words: tuple[str, ...]
    kind: str = "blocked"
    name: str = "words"

    def __post_init__(self) -> None:
        if not self.words or not all(word.strip() for word in self.words):
            raise ConfigError(f"{self.name}.words: is empty, or has an empty word.", param=f"{self.name}.words")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        either = "|".join(re.escape(word.strip()) for word in sorted(self.words, key=len, reverse=True))
        return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)

    async def check(self, subject: Subject) -> GuardResult:
        found = tuple(Finding(self.kind, *one.span()) for one in self._pattern.finditer(subject.text))
        if not found:
            return GuardResult.passed(self.name)
        return GuardResult.triggered(
            self.name, f"The text holds {len(found)} of the words that are not wanted.", findings=found,
            correction="Leave out the words that are not wanted.",
        )  # fmt: skip
