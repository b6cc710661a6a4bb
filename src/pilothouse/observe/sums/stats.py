"""Figures as JSON, for the API and the command line: a period, narrowed and told apart, beside the one before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import InvalidRequest
from pilothouse.observe.sums.amounts import Amounts, Scored, spread
from pilothouse.observe.sums.cells import HISTOGRAMS, SUMS
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.period import Period
from pilothouse.stats.intervals import wilson_bounds
from pilothouse.types import Json

__all__ = ["SCORED_BY", "Question", "answer", "parsed"]

SCORED_BY = ("model", "prompt", "key", "team", "user", "feature", "environment", "release")
"""Dimensions of which scores are kept."""

_NAMES = dict(
    zip(
        HISTOGRAMS,
        ("latency_us", "call_latency_us", "ttft_us", "tokens_per_call", "tokens_per_second", "output_tokens_per_call"),
        strict=True,
    )
)
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SURE = 1.96  # standard errors
_RATES = ("error_rate", "hit_rate", "cached_share", "tokens_per_request", "nano_per_request")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: figures of a period, narrowed to `only`, by a dimension, with each hour or day, and beside those
    of the period before. `limit` values of the dimension are told, the dearest first. Of scores the share `below` a
    limit is told where one is given: of faithfulness it is the rate of hallucinations."""

    period: Period
    project: str = DEFAULT_PROJECT
    by: str | None = None
    only: Mapping[str, str] = field(default_factory=dict)
    series: bool = False
    compare: bool = False
    limit: int = 20
    below: float | None = None


def answer(figures: Figures, question: Question) -> Json:
    """The answer: sums, rates, percentiles (p50, p95, p99), scores. Money is nano-USD, times are microseconds.

    Raises InvalidRequest for what is not kept.
    """
    q, period = question, question.period
    told: Json = {
        "project_id": q.project, "since_us": period.steps.start * period.step_us,
        "until_us": period.steps.stop * period.step_us, "grain": period.grain, "by": q.by, "only": dict(q.only),
        **_part(figures, q, period),
    }  # fmt: skip
    if q.series:
        steps = figures.over_time(period, q.project, q.only)
        told["series"] = [
            {"at_us": at, **one} for at, one in zip(steps, _told(list(steps.values())), strict=True)
        ]  # fmt: skip
    if q.compare:
        before = period.before()
        since, until = before.steps.start * before.step_us, before.steps.stop * before.step_us
        told["before"] = {"since_us": since, "until_us": until, **_part(figures, q, before)}
    return told


def _part(figures: Figures, q: Question, period: Period) -> Json:
    told: Json = {"total": _told([figures.total(period, q.project, q.only)])[0]}
    minutes = len(period.steps) * period.step_us / 60_000_000
    for counted in ("requests", "calls"):
        told["total"][f"{counted}_per_minute"] = told["total"][counted] / minutes
    told["total"]["scores"] = _scores(figures, q, period)
    if not q.only:
        users = figures.users(period, q.project)
        told["total"]["users"] = users.count
    if q.by is not None:
        found = figures.by(q.by, period, q.project, q.only, limit=q.limit)
        scores = _scores_by(figures, q, period, list(found))
        amounts = _told(list(found.values()))
        told["values"] = [
            {"value": value, **one, "scores": scores.get(value, [])}
            for value, one in zip(found, amounts, strict=True)
        ]  # fmt: skip
    return told


def _scores(figures: Figures, q: Question, period: Period) -> list[Json]:
    """Scores of the slice; none where they are not kept that way."""
    if len(q.only) > 1 or any(name not in SCORED_BY for name in q.only):
        return []
    dimension, value = next(iter(q.only.items()), ("all", ""))
    found = figures.scores(period, q.project, dimension, value)
    return [_score(name, one, q.below) for (_, name), one in found.items()]


def _scores_by(figures: Figures, q: Question, period: Period, values: list[str]) -> dict[str, list[Json]]:
    if q.only or q.by not in SCORED_BY:
        return {}
    told: dict[str, list[Json]] = {}
    for (value, name), one in figures.scores(period, q.project, q.by, None, values).items():
        told.setdefault(value, []).append(_score(name, one, q.below))
    return told


def _score(name: str, one: Scored, below: float | None) -> Json:
    """The share below a limit comes with the bounds that it has among all answers (Wilson, 95 % sure)."""
    told: Json = {"name": name, "count": one.count, "mean": one.mean}
    share = None if below is None else one.share_below(below)
    if share is None:
        return told
    low, high = wilson_bounds(share * one.count, one.count, _SURE)
    return {**told, "share_below": share, "share_below_low": low, "share_below_high": high}


def _told(amounts: list[Amounts]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in amounts:
        sums = {name: getattr(one, name) for name in SUMS}
        failed = one.call_errors / one.calls if one.calls else None
        found.append(sums | {name: getattr(one, name) for name in _RATES} | {"call_error_rate": failed})
    for histogram, name in _NAMES.items():
        for one_of, values in zip(found, spread(amounts, histogram, tuple(_SHARES.values())), strict=True):
            one_of[name] = dict(zip(_SHARES, values, strict=True))
    return found


def parsed(text: str) -> tuple[str, str]:
    """`model=gpt-4o` as dimension and value. Raises InvalidRequest."""
    dimension, equals, value = text.partition("=")
    if not equals or not value:
        raise InvalidRequest(f"'{text[:80]}' narrows nothing. Say a dimension and a value, such as model=gpt-4o.")
    return dimension.strip(), value
