"""The languages that a text may be in."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action
from pilothouse.protocols import Guard, Subject
from pilothouse.stats.language import language_of

__all__ = ["Language"]


@dataclass(frozen=True, kw_only=True)
class Language(Guard):
    """Triggers where a text is in none of the languages `allowed`, given as ISO 639-1 codes such as `en`. Where the
    language cannot be told, as of code or a few words, nobody has looked, and it says so."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "window"
    action: ClassVar[Action] = "block"

    allowed: tuple[str, ...]
    name: str = "language"

    def __post_init__(self) -> None:
        if not self.allowed or not all(len(code) == 2 and code.isascii() and code.islower() for code in self.allowed):
            raise ConfigError(
                f"{self.name}.allowed: languages are ISO 639-1 codes such as 'en'.", param=f"{self.name}.allowed"
            )

    async def check(self, subject: Subject) -> GuardResult:
        language = subject.once(_language)
        if language is None:
            return GuardResult.skipped(self.name, "The language of the text cannot be told.")
        if language in self.allowed:
            return GuardResult.passed(self.name, detail={"language": language})
        wanted = " or ".join(self.allowed)
        return GuardResult.triggered(
            self.name, f"The text is in '{language}'; wanted is {wanted}.", detail={"language": language},
            correction=f"Write in {wanted}.",
        )  # fmt: skip


def _language(subject: Subject) -> str | None:
    return language_of(subject.text)
