"""Has the guards of a stage look at a text, and says what is to be done: the gravest of what their word asks for.

Knows nothing of calls, nor of how a thing is done.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import structs

from pilothouse.errors import PilothouseError
from pilothouse.guarded import Finding, GuardResult, Looked
from pilothouse.guarding import Action
from pilothouse.guards.policy import Placed
from pilothouse.guards.redacting import redacted
from pilothouse.protocols import Subject

__all__ = ["GRAVITY", "Judged", "Judgement", "judge", "merged", "replacing"]

GRAVITY: tuple[Action, ...] = ("block", "fallback", "rephrase", "retry", "redact", "flag", "shadow")
"""What wins where several guards ask for different things."""


class Judged(NamedTuple):
    """What one guard said of one text of so many characters, and how long it took, in microseconds of wall time."""

    placed: Placed
    result: GuardResult
    took_us: int
    size: int

    @property
    def acts(self) -> bool:
        """Whether anything is to be done: it triggered, or could not look and counts as if it had."""
        return self.result.status == "triggered" or (self.result.status == "failed" and self.placed.on_error == "act")

    @property
    def action(self) -> Action:
        """What is done on its word. Where it knows the text as it should have been, that takes its place, and nobody
        has to be asked again."""
        return "redact" if self.repaired is not None else self.placed.action

    @property
    def repaired(self) -> str | None:
        """The text that takes the place of this one."""
        return self.result.repaired if self.placed.action in ("retry", "redact") else None

    def moved(self, by: int) -> "Judged":
        """The same where its text stands that many characters further on in another."""
        found = self.result.findings
        if not by or not found:
            return self
        there = tuple(structs.replace(one, start=one.start + by, end=one.end + by) for one in found)
        return self._replace(result=structs.replace(self.result, findings=there))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the guards of a stage said of a text."""

    subject: Subject
    judged: tuple[Judged, ...]

    @property
    def acting(self) -> list[Judged]:
        """Those on whose word something is to be done, the gravest first."""
        return sorted((one for one in self.judged if one.acts), key=lambda one: GRAVITY.index(one.action))

    @property
    def gravest(self) -> Judged | None:
        return next(iter(self.acting), None)

    @property
    def action(self) -> Action | None:
        """What is to be done; None where all passed, or nobody looked."""
        return None if self.gravest is None else self.gravest.action

    @property
    def text(self) -> str:
        """The text with what guards with the action redact found replaced, and as one of them knows that it should have
        been. A guard that found no places, or could not look, leaves nothing of it."""
        redacting = [one for one in self.acting if one.action == "redact"]
        if any(one.repaired is None and not one.result.findings for one in redacting):
            return "[redacted]"
        return redacted(self.subject.text, [found for one in redacting for found in replacing(one)])


def replacing(judged: Judged) -> tuple[Finding, ...]:
    """What is put in the place of what, where the action is redact."""
    if judged.repaired is not None:
        return (Finding("form", 0, judged.size, judged.repaired),)
    return judged.result.findings


_WORST: tuple[Looked, ...] = ("triggered", "failed", "passed", "skipped")


def merged(judged: Iterable[Judged]) -> list[Judged]:
    """What each guard said of several texts as one: the worst of it, with all that it found. A guard that could not
    look at one of them has not passed them."""
    by_guard: dict[int, list[Judged]] = {}
    for one in judged:
        by_guard.setdefault(id(one.placed), []).append(one)
    return [_one_of(same) for same in by_guard.values()]


def _one_of(same: Sequence[Judged]) -> Judged:
    if len(same) == 1:
        return same[0]
    worst = min(same, key=lambda one: _WORST.index(one.result.status))
    results = [one.result for one in same]
    scores = [one.score for one in results if one.score is not None]
    costs = [one.cost_nano for one in results]
    result = structs.replace(
        worst.result, score=max(scores, default=None), findings=tuple(at for one in results for at in one.findings),
        detail={**worst.result.detail, "texts": len(same)},
        cost_nano=None if None in costs else sum(cost for cost in costs if cost is not None),
    )  # fmt: skip
    return Judged(worst.placed, result, sum(one.took_us for one in same), sum(one.size for one in same))


async def judge(placed: Sequence[Placed], subject: Subject) -> Judgement:
    """Ask every guard, at once. A guard that raises has failed, which says so; cancellation passes through."""
    if not placed:
        return Judgement(subject, ())
    if len(placed) == 1:
        return Judgement(subject, (await _asked(placed[0], subject),))
    return Judgement(subject, tuple(await asyncio.gather(*(_asked(one, subject) for one in placed))))


async def _asked(placed: Placed, subject: Subject) -> Judged:
    guard, start = placed.guard, time.perf_counter()
    try:
        result = await guard.check(subject)
    except PilothouseError as error:
        result = GuardResult.failed(guard.name, error.message)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and hurts nobody else
        result = GuardResult.failed(guard.name, f"It broke: {type(error).__name__}.")
    return Judged(placed, result, int((time.perf_counter() - start) * 1e6), len(subject.text))
