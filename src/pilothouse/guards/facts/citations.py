"""Whether every claim of an answer cites a passage that there is and that carries it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.facts.claims import Claim
from pilothouse.guards.facts.evidence import Carried, Kept
from pilothouse.guards.facts.holding import held
from pilothouse.guards.redacting import redacted
from pilothouse.passages import MARKER
from pilothouse.protocols import Guard, Subject

__all__ = ["Citations"]

_MARK = "[uncited]"
_ENDS = ".!?…。！？"


class _Fault(NamedTuple):
    claim: Claim
    kind: Literal["uncited", "no_such_passage", "wrong_citation"]
    best: int | None


@dataclass(frozen=True, kw_only=True)
class Citations(Guard):
    """Triggers on claims that cite nothing (`uncited`), a number that no passage has (`no_such_passage`), or passages
    none of which carries them (`wrong_citation`): below `threshold`, as `grounding` measures it.

    `repair` says what a redaction does to such a claim: `cite` the passage that carries it furthest, where one reaches
    `threshold`, else mark it; `mark` it as [uncited]; or `remove` it. The repaired answer is told in any case.
    """

    stages: ClassVar[frozenset[Stage]] = frozenset(("output",))
    action: ClassVar[Action] = "redact"
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"

    threshold: float = 0.5
    repair: Literal["cite", "mark", "remove"] = "cite"
    name: str = "citations"

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"{self.name}.threshold: must be in (0, 1].", param=f"{self.name}.threshold")

    @cached_property
    def _kept(self) -> Kept:
        return Kept()

    async def check(self, subject: Subject) -> GuardResult:
        found = await held(self.name, subject, self._kept, purpose="to cite")
        if isinstance(found, GuardResult):
            return found
        if not found.claims:
            return GuardResult.passed(self.name, score=0.0, detail={"claims": 0})
        faults = [
            fault for pair in zip(found.claims, found.carried, strict=True) if (fault := self._fault(*pair)) is not None
        ]
        return self._told(subject.text, len(found.claims), faults)

    def _fault(self, claim: Claim, carried: Carried) -> _Fault | None:
        best = carried.best if carried.by_passage[carried.best] >= self.threshold else None
        if not claim.cited:
            return _Fault(claim, "uncited", best)
        there = [number for number in claim.cited if 1 <= number <= len(carried.by_passage)]
        if len(there) < len(claim.cited):
            return _Fault(claim, "no_such_passage", best)
        if max(carried.by_passage[number - 1] for number in there) < self.threshold:
            return _Fault(claim, "wrong_citation", best)
        return None

    def _told(self, text: str, count: int, faults: Sequence[_Fault]) -> GuardResult:
        detail = {"claims": count, **{kind: n for kind in _KINDS if (n := sum(one.kind == kind for one in faults))}}
        if not faults:
            return GuardResult.passed(self.name, score=0.0, detail=detail)
        found = tuple(Finding(one.kind, one.claim.start, one.claim.end, self._instead(text, one)) for one in faults)
        return GuardResult.triggered(
            self.name, f"{len(faults)} of {count} claims cite no passage that carries them.",
            score=len(faults) / count, findings=found, repaired=redacted(text, found), detail=detail,
            correction="After each claim cite the passage that says it, as [1]; leave out claims that none says.",
        )  # fmt: skip

    def _instead(self, text: str, fault: _Fault) -> str:
        if self.repair == "remove":
            return ""
        bare = MARKER.sub("", text[fault.claim.start : fault.claim.end]).rstrip()
        cited = self.repair == "cite" and fault.best is not None
        mark = f"[{(fault.best or 0) + 1}]" if cited else _MARK
        body = bare.rstrip(_ENDS + " ")
        return f"{body} {mark}{bare[len(body) :].strip()}"


_KINDS = ("uncited", "no_such_passage", "wrong_citation")
