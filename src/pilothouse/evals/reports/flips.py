"""Cases that pass in one run and not in the other, and those whose score changed most: where to look first."""

from collections.abc import Collection, Sequence
from typing import Any, Literal

import msgspec

from pilothouse.cases import Outcome, Verdict

__all__ = ["Flip", "FlipSide", "find_flips"]

_LONG = 2000
_MOVED = 5
_ORDER = {"lost": 0, "fell": 1, "won": 2, "rose": 3}

Told = list[tuple[Outcome, Verdict]]


class FlipSide(msgspec.Struct, frozen=True):
    """One run's view of a case: a trial that shows it, `score` the mean of its trials. Texts end after 2,000
    characters."""

    output: str
    score: float | None
    passed: bool | None
    explanation: str
    trace_id: str | None


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A case that changed. It `lost` or `won` its pass, or, for metrics without pass, is among those whose score `fell`
    or `rose` most (to the worse and to the better). `gain` is by how much its score, else its pass, got better."""

    case_id: str
    metric: str
    kind: Literal["lost", "fell", "won", "rose"]
    gain: float
    input: str
    before: FlipSide
    after: FlipSide


def find_flips(
    before: Sequence[Outcome], after: Sequence[Outcome], metrics: Collection[str], lower_is_better: Collection[str]
) -> list[Flip]:
    """All flips of the metrics, the worst first: what was lost before what was won, the largest change first. Of
    several trials most decide. For metrics without pass at most 5 that fell and 5 that rose."""
    old, new = _by_case(before), _by_case(after)
    found: list[Flip] = []
    for metric in metrics:
        sign = -1 if metric in lower_is_better else 1
        pairs = {
            case_id: (told, new[metric][case_id])
            for case_id, told in old.get(metric, {}).items()
            if case_id in new.get(metric, {})
        }
        flips = [one for case_id, pair in pairs.items() if (one := _flip(case_id, metric, pair, sign))]
        passing = any(verdict.passed is not None for pair in pairs.values() for told in pair for _, verdict in told)
        found += flips if passing else _largest(flips)
    return sorted(found, key=lambda one: (_ORDER[one.kind], one.gain if one.gain < 0 else -one.gain, one.case_id))


def _by_case(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Told]]:
    found: dict[str, dict[str, Told]] = {}
    for outcome in sorted(outcomes, key=lambda one: one.trial):
        for verdict in outcome.verdicts:
            if verdict.status == "ok":
                found.setdefault(verdict.evaluator, {}).setdefault(outcome.case.id, []).append((outcome, verdict))
    return found


def _flip(case_id: str, metric: str, pair: tuple[Told, Told], sign: int) -> Flip | None:
    (was, now) = (_passed(told) for told in pair)
    (score, other) = (_score(told) for told in pair)
    moved = None if score is None or other is None else sign * (other - score)
    kind: Literal["lost", "fell", "won", "rose"]
    if was is not None and now is not None:
        if was == now:
            return None
        kind = "lost" if was else "won"
        moved = moved if moved is not None else float(now) - float(was)
    elif not moved:
        return None
    else:
        kind = "fell" if moved < 0 else "rose"
    first = pair[0][0][0].case
    return Flip(
        case_id=case_id, metric=metric, kind=kind, gain=moved, input=_text(first.input),
        before=_side(pair[0], was, score), after=_side(pair[1], now, other),
    )  # fmt: skip


def _largest(flips: Sequence[Flip]) -> list[Flip]:
    order = sorted(flips, key=lambda one: one.gain)
    return [one for one in order[:_MOVED] if one.gain < 0] + [one for one in order[-_MOVED:] if one.gain > 0]


def _passed(told: Told) -> bool | None:
    passes = [verdict.passed for _, verdict in told if verdict.passed is not None]
    return sum(passes) * 2 > len(passes) if passes else None


def _score(told: Told) -> float | None:
    scores = [verdict.score for _, verdict in told if verdict.score is not None]
    return sum(scores) / len(scores) if scores else None


def _side(told: Told, passed: bool | None, score: float | None) -> FlipSide:
    outcome, verdict = next((one for one in told if one[1].passed == passed), told[0])
    return FlipSide(_text(outcome.case.output), score, passed, _text(verdict.explanation), outcome.case.trace_id)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode(errors="replace")
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"
