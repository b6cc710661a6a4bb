"""What the guards `pii` and `secrets` share: a scan whose findings are replaced, and what is told of them.

What they find is the same whole and in pieces.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action
from pilothouse.guards.personal.replacing import Allowed, Style, finding_of
from pilothouse.pii.claims import Found
from pilothouse.pii.finding import hold_back, scanner
from pilothouse.pii.scan import Scan
from pilothouse.protocols import Conversation, Guard, Subject

__all__ = ["FindsForms"]

_LONG = 20_000  # characters, from which on another thread looks, so that other calls go on


@dataclass(frozen=True, kw_only=True)
class FindsForms(Guard):
    """A guard over the forms of `pii/`. `allow` are values that may stand, and domains of addresses such as
    `@example.com`; `style` says what stands in the place of others, `key` is that of the style `hash`."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "ahead"
    action: ClassVar[Action] = "redact"
    noun: ClassVar[str] = "personal data"

    allow: tuple[str, ...] = ()
    style: Style = "kind"
    key: str = ""
    name: str = "pii"

    def __post_init__(self) -> None:
        if self.style == "hash" and len(self.key) < 16:
            raise ConfigError(
                f"{self.name}.key: the style 'hash' needs a key of 16 characters or more, for a number without one can "
                "be found by trying all.", param=f"{self.name}.key",
            )  # fmt: skip
        try:
            scanner(self.wanted)
        except ValueError as error:
            raise ConfigError(f"{self.name}.kinds: {error}.", param=f"{self.name}.kinds") from None
        if not self.wanted:
            raise ConfigError(f"{self.name}.kinds: is empty.", param=f"{self.name}.kinds")

    @property
    def wanted(self) -> tuple[str, ...]:
        """The kinds that it looks for."""
        raise TypeError(f"{type(self).__name__} says no kinds")

    @property
    def hold_back(self) -> int:
        return hold_back(self.wanted)

    def scan(self, conversation: Conversation) -> "_Replacing":
        return _Replacing(self._scan(), self)

    async def check(self, subject: Subject) -> GuardResult:
        text = subject.text
        found = await asyncio.to_thread(self._found, text) if len(text) > _LONG else self._found(text)
        findings = [self.finding(one, text[one.start : one.end], subject) for one in found]
        return self.told([one for one in findings if one is not None])

    def told(self, findings: Sequence[Finding]) -> GuardResult:
        if not findings:
            return GuardResult.passed(self.name)
        counted = Counter(one.kind for one in findings)
        told = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counted.items())
        return GuardResult.triggered(
            self.name, f"The text holds {self.noun}: {told}.", findings=tuple(findings),
            detail={"kinds": dict(counted)},
            correction=f"Leave out {self.noun} ({', '.join(kind.replace('_', ' ') for kind in counted)}).",
        )  # fmt: skip

    def finding(self, found: Found, value: str, subject: Subject | None = None) -> Finding | None:
        """What was found, as it is replaced; None where it may stand."""
        if self._allowed(value):
            return None
        made = finding_of(found, value, self.style, self.key)
        if subject is None:
            return made
        names = subject.conversation.pseudonyms
        if self.style != "pseudonym":
            names.note(value, made.instead)
            return made
        return Finding(found.kind, found.start, found.end, names.stand_in(found.kind, value))

    def _found(self, text: str) -> list[Found]:
        scan = self._scan()
        return [*scan.feed(text), *scan.end()]

    @cached_property
    def _scan(self) -> Callable[[], Scan]:
        return scanner(self.wanted)

    @cached_property
    def _allowed(self) -> Allowed:
        return Allowed(self.allow)


class _Replacing:
    """A scan whose findings are replaced."""

    def __init__(self, scan: Scan, guard: FindsForms) -> None:
        self._scan, self._guard = scan, guard

    @property
    def settled(self) -> int:
        return self._scan.settled

    def feed(self, text: str) -> Sequence[Finding]:
        return self._findings(self._scan.feed(text))

    def end(self) -> Sequence[Finding]:
        return self._findings(self._scan.end())

    def _findings(self, found: Sequence[Found]) -> Sequence[Finding]:
        made = [self._guard.finding(one, self._scan.said(one)) for one in found]
        return [one for one in made if one is not None]
