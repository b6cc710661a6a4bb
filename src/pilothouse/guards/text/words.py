"""Words and phrases that a text may not hold: names of competitors, or whatever else a list says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action
from pilothouse.protocols import Conversation, Guard, Subject

__all__ = ["Words"]

_FEW = 200


@dataclass(frozen=True, kw_only=True)
class Words(Guard):
    """Triggers on any of `words`, whole and in any case. `kind` stands in their place when they are redacted."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "ahead"
    action: ClassVar[Action] = "block"

    words: tuple[str, ...]
    kind: str = "blocked"
    name: str = "words"

    def __post_init__(self) -> None:
        if not self.words or not all(word.strip() for word in self.words):
            raise ConfigError(f"{self.name}.words: is empty, or has an empty word.", param=f"{self.name}.words")

    @property
    def hold_back(self) -> int:
        """The longest of the words: what is shorter at a text's end may still become one."""
        return max(len(word.strip()) for word in self.words)

    def scan(self, conversation: Conversation) -> "_Scan":
        return _Scan(self, self.hold_back, self.kind)

    def told(self, findings: Sequence[Finding]) -> GuardResult:
        if not findings:
            return GuardResult.passed(self.name)
        return GuardResult.triggered(
            self.name, f"The text holds {len(findings)} of the words that are not wanted.", findings=tuple(findings),
            correction="Leave out the words that are not wanted.",
        )  # fmt: skip

    async def check(self, subject: Subject) -> GuardResult:
        if not self.may_be_in(subject.text):
            return GuardResult.passed(self.name)
        return self.told([Finding(self.kind, *one.span()) for one in self.pattern.finditer(subject.text)])

    def may_be_in(self, text: str) -> bool:
        """False only where none of the words stands in the text, whole or not: far sooner told than by the pattern.
        Letters beyond ASCII may be others in another case, which is left to the pattern."""
        if not (self._plain and text.isascii()):
            return True
        lower = text.lower()
        return any(word in lower for word in self._lower)

    @cached_property
    def _lower(self) -> tuple[str, ...]:
        return tuple(word.strip().lower() for word in self.words)

    @cached_property
    def _plain(self) -> bool:
        return len(self.words) <= _FEW and all(word.isascii() for word in self.words)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds them whole and in any case, the longest first."""
        either = "|".join(re.escape(word.strip()) for word in sorted(self.words, key=len, reverse=True))
        return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


class _Scan:
    """Keeps what is not decided yet, and a character before it. A word is one once the character after it is known."""

    def __init__(self, words: Words, longest: int, kind: str) -> None:
        self._words, self._longest, self._kind = words, longest, kind
        self._text, self._base, self.settled = "", 0, 0

    def feed(self, text: str) -> Sequence[Finding]:
        self._text += text
        total = self._base + len(self._text)
        found = self._found(total - self._longest)
        self.settled = max(self.settled, total - self._longest)
        kept = max(self.settled - 1, 0)
        self._text, self._base = self._text[kept - self._base :], kept
        return found

    def end(self) -> Sequence[Finding]:
        total = self._base + len(self._text)
        found = self._found(total)
        self.settled = total
        return found

    def _found(self, before: int) -> list[Finding]:
        """Those that begin before this place."""
        found: list[Finding] = []
        if not self._words.may_be_in(self._text):
            return found
        while (one := self._words.pattern.search(self._text, self.settled - self._base)) is not None:
            start, end = one.start() + self._base, one.end() + self._base
            if start >= before:
                break
            found.append(Finding(self._kind, start, end))
            self.settled = end
        return found
