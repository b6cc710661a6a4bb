"""Whether the passages that an answer was given carry what it claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.facts.claims import Claim
from pilothouse.guards.facts.evidence import Kept
from pilothouse.guards.facts.holding import held
from pilothouse.protocols import Guard, Subject

__all__ = ["Grounding"]


@dataclass(frozen=True, kw_only=True)
class Grounding(Guard):
    """Triggers on claims that no passage carries: below `threshold`, in [0, 1].

    A claim's figure is three parts the share of its content words that are in the passages, one part the nearness of
    its vector to theirs. That notices what the passages do not speak of. It does not notice a contradiction in the
    passages' own words. `replacement` stands in the place of a claim that is redacted. English.
    """

    stages: ClassVar[frozenset[Stage]] = frozenset(("output",))
    action: ClassVar[Action] = "flag"
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "window"

    threshold: float = 0.5
    replacement: str = ""
    name: str = "grounding"

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"{self.name}.threshold: must be in (0, 1].", param=f"{self.name}.threshold")

    @cached_property
    def _kept(self) -> Kept:
        return Kept()

    async def check(self, subject: Subject) -> GuardResult:
        found = await held(self.name, subject, self._kept)
        if isinstance(found, GuardResult):
            return found
        if not found.claims:
            return GuardResult.passed(self.name, score=0.0, detail={"claims": 0})
        return self._told(found.claims, [one.together for one in found.carried])

    def _told(self, said: Sequence[Claim], carried: Sequence[float]) -> GuardResult:
        loose = [(one, figure) for one, figure in zip(said, carried, strict=True) if figure < self.threshold]
        score, detail = 1 - min(carried), {"claims": len(said), "least": round(min(carried), 4)}
        if not loose:
            return GuardResult.passed(self.name, score=score, detail=detail)
        found = [Finding("ungrounded", one.start, one.end, self.replacement, 1 - figure) for one, figure in loose]
        return GuardResult.triggered(
            self.name, f"No passage carries {len(loose)} of {len(said)} claims.", score=score, findings=tuple(found),
            correction="Say only what the passages say; leave out what they do not.", detail=detail,
        )  # fmt: skip
