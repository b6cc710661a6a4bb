"""Two runs over the same cases: what changed, and whether chance would do as much. After is compared with before.

Cases are paired; what one run alone could tell is left out and counted. The trials of a case are one value. P-values
are corrected for how many metrics, and runs, were looked at (Holm). The same outcomes give the same comparison.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, Self

import msgspec
import numpy as np

from pilothouse.cases import Outcome
from pilothouse.evals.reports.flips import Flip, find_flips
from pilothouse.evals.reports.gathering import Gathered, Measured, case_means, gather
from pilothouse.evals.reports.pairing import Matched, match
from pilothouse.evals.reports.slicing import SliceOf, cut_by, shared
from pilothouse.evals.reports.summary import Latency, quantiles
from pilothouse.stats.intervals import Interval
from pilothouse.stats.multiple import holm
from pilothouse.stats.paired import compare_passes, compare_scores
from pilothouse.stats.power import detectable_flips, detectable_scores
from pilothouse.types import Json

__all__ = ["Change", "Comparison", "Paired", "PassChange", "compare", "compare_all"]

_SEED = 0
_CHANCE = 0.05
_MOST_FLIPS = 200
_NANO = 1e9


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """Means of `n` cases before and after, in one unit, and the difference, after less before, with its bounds."""

    n: int
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None
    note: str = ""


class PassChange(Paired, frozen=True, kw_only=True):
    """Shares that pass; `won` cases pass only after, `lost` only before, of several trials by most of them."""

    won: int
    lost: int
    p: float


class Change(Paired, frozen=True, kw_only=True):
    """What became of one metric. `p` is of the difference, `p_corrected` the same for all that was looked at; `effect`
    is Cohen's d_z, None for shares and for equal differences. `detectable` is the smallest difference that as many
    cases, as unlike as these, show in eight of ten runs; None where it cannot be told. `only_before` and `only_after`
    count cases that one run alone could tell."""

    name: str
    method: str
    p: float
    p_corrected: float
    effect: float | None = None
    detectable: float | None = None
    only_before: int = 0
    only_after: int = 0
    lower_is_better: bool = False
    passes: PassChange | None = None

    @property
    def gain(self) -> float:
        """The difference, above 0 where it is for the better."""
        return -self.difference if self.lower_is_better else self.difference

    @property
    def verdict(self) -> Literal["better", "worse", "no difference seen"]:
        """Whether it changed beyond chance: the corrected p-value is below 0.05."""
        if self.p_corrected >= _CHANCE or not self.difference:
            return "no difference seen"
        return "better" if self.gain > 0 else "worse"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One run against another. `shared` cases are in both, matched `by` their id, or by their input where no id is the
    same. `cost` is USD and `latency` seconds a case, of the cases where both are known; `latencies` are of all answers.
    `flips` has the worst first, at most 200 of `flipped`. `slices` are of the changes, the worst first. `untold` says
    in sentences what could not be compared, and why."""

    cases_before: int
    cases_after: int
    shared: int
    by: str = "id"
    metrics: dict[str, Change] = {}
    flips: tuple[Flip, ...] = ()
    flipped: int = 0
    cost: Paired | None = None
    latency: Paired | None = None
    latencies: tuple[Latency, Latency] = (Latency(0), Latency(0))
    errors: tuple[int, int] = (0, 0)
    slices: tuple[SliceOf, ...] = ()
    untold: tuple[str, ...] = ()

    def to_json(self) -> Json:
        told: Json = msgspec.to_builtins(self, str_keys=True)
        for name, change in self.metrics.items():
            told["metrics"][name]["verdict"] = change.verdict
        return told

    @classmethod
    def from_json(cls, told: Json) -> Self:
        """What `to_json` made. Raises msgspec.ValidationError for anything else."""
        return msgspec.convert(told, cls, str_keys=True)


def compare(
    before: Iterable[Outcome], after: Iterable[Outcome], *, lower_is_better: Collection[str] = (),
    slices: Sequence[str] = (),
) -> Comparison:  # fmt: skip
    """Compare a run with one before it. `lower_is_better` and `slices` are as for `summarise`."""
    return compare_all(before, [after], lower_is_better=lower_is_better, slices=slices)[0]


def compare_all(
    before: Iterable[Outcome], others: Sequence[Iterable[Outcome]], *, lower_is_better: Collection[str] = (),
    slices: Sequence[str] = (),
) -> list[Comparison]:  # fmt: skip
    """Compare each of several runs with the same one, corrected for all of them together."""
    base = list(before)
    found = [_compared(base, list(other), lower_is_better, slices) for other in others]
    chances = holm([change.p for one in found for change in one.metrics.values()]).tolist()
    told = []
    for one in found:
        corrected = {
            name: msgspec.structs.replace(change, p_corrected=chances.pop(0)) for name, change in one.metrics.items()
        }
        told.append(msgspec.structs.replace(one, metrics=corrected))
    return told


def _compared(
    before: list[Outcome], after: list[Outcome], lower_is_better: Collection[str], keys: Sequence[str]
) -> Comparison:
    matched = match(before, after)
    one, other = gather(matched.before), gather(matched.after)
    names = [name for name in one.metrics if name in other.metrics]
    changes: dict[str, Change] = {}
    cut = {}
    for name in names:
        means, now = case_means(one.metrics[name]), case_means(other.metrics[name])
        ids = [case_id for case_id in means if case_id in now]
        if not ids:
            continue
        lower = name in lower_is_better
        changes[name] = _change(name, one.metrics[name], other.metrics[name], means, now, lower)
        if keys and len(ids) > 1:
            sign = -1 if lower else 1
            gains = [sign * (now[case_id] - means[case_id]) for case_id in ids]
            cut[name] = cut_by([other.cases[case_id] for case_id in ids], keys, gains), sign
    flips = find_flips(matched.before, matched.after, changes, lower_is_better)
    return Comparison(
        cases_before=len(one.cases), cases_after=len(other.cases), shared=len(one.cases.keys() & other.cases.keys()),
        by=matched.by, metrics=changes, flips=tuple(flips[:_MOST_FLIPS]), flipped=len(flips),
        cost=_paired(_means(one.costs, _NANO), _means(other.costs, _NANO)),
        latency=_paired(_means(one.latencies), _means(other.latencies)),
        latencies=(_quantiles(one), _quantiles(other)), errors=(len(one.errors), len(other.errors)),
        slices=shared(cut)[0], untold=tuple(_untold(one, other, matched, changes)),
    )  # fmt: skip


def _change(
    name: str, one: Measured, other: Measured, means: Mapping[str, float], now: Mapping[str, float], lower: bool
) -> Change:
    ids = [case_id for case_id in means if case_id in now]
    before, after = [means[case_id] for case_id in ids], [now[case_id] for case_id in ids]
    n, alone = len(ids), (len(means) - len(ids), len(now) - len(ids))
    binary = {0.0, 1.0}.issuperset(before) and {0.0, 1.0}.issuperset(after)
    effect = None
    if binary:
        passes = compare_passes([value == 1 for value in before], [value == 1 for value in after])
        difference, p = passes.difference, passes.p
        flips = (len(passes.won) + len(passes.lost)) / n
        detectable = detectable_flips(n, flips) if flips else None
    else:
        scores = compare_scores(before, after, np.random.default_rng(_SEED))
        difference, p, effect = scores.difference, scores.p, scores.effect
        deviation = float(np.std(np.subtract(after, before), ddof=1)) if n > 1 else 0.0
        detectable = detectable_scores(n, deviation) if effect is not None else None
    return Change(
        name=name, n=n, before=sum(before) / n, after=sum(after) / n, difference=difference.value, low=difference.low,
        high=difference.high, note=difference.note, method=difference.method, p=p, p_corrected=p, effect=effect,
        detectable=detectable, only_before=alone[0], only_after=alone[1], lower_is_better=lower,
        passes=_passes(one, other),
    )  # fmt: skip


def _passes(one: Measured, other: Measured) -> PassChange | None:
    ids = [case_id for case_id in one.passes if case_id in other.passes]
    if not ids:
        return None
    before, after = (
        [sum(side.passes[case_id]) / len(side.passes[case_id]) for case_id in ids] for side in (one, other)
    )
    flips = compare_passes([share > 0.5 for share in before], [share > 0.5 for share in after])
    difference, p = flips.difference, flips.p
    if not {0.0, 1.0}.issuperset(before + after):
        scores = compare_scores(before, after, np.random.default_rng(_SEED))
        difference, p = scores.difference, scores.p
    return PassChange(
        n=len(ids), before=sum(before) / len(ids), after=sum(after) / len(ids), difference=difference.value,
        low=difference.low, high=difference.high, note=difference.note, won=len(flips.won), lost=len(flips.lost), p=p,
    )  # fmt: skip


def _means(values: Mapping[str, Sequence[float]], unit: float = 1.0) -> dict[str, float]:
    return {case_id: sum(trials) / len(trials) / unit for case_id, trials in values.items()}


def _paired(before: Mapping[str, float], after: Mapping[str, float]) -> Paired | None:
    ids = [case_id for case_id in before if case_id in after]
    if not ids:
        return None
    found = compare_scores(
        [before[case_id] for case_id in ids], [after[case_id] for case_id in ids], np.random.default_rng(_SEED)
    )
    change: Interval = found.difference
    return Paired(
        n=len(ids), before=found.before, after=found.after, difference=change.value, low=change.low, high=change.high,
        note=change.note,
    )  # fmt: skip


def _quantiles(found: Gathered) -> Latency:
    return quantiles(value for values in found.latencies.values() for value in values)


def _untold(one: Gathered, other: Gathered, matched: Matched, changes: Mapping[str, Change]) -> Iterable[str]:
    alone = len(one.cases.keys() - other.cases.keys()), len(other.cases.keys() - one.cases.keys())
    if any(alone):
        yield f"{alone[0]} cases are only in the run before, {alone[1]} only in the one after: they are left out."
    if matched.by == "input":
        yield "No case has the same id in both runs: cases are matched by their input."
    if matched.changed:
        yield f"{matched.changed} cases have another input under the same id: what differs there may be the question."
    for name in [*one.metrics, *(name for name in other.metrics if name not in one.metrics)]:
        if name not in other.metrics or name not in one.metrics:
            yield f"{name}: only the run {'before' if name in one.metrics else 'after'} has it."
        elif name not in changes:
            yield f"{name}: no case could be told in both runs."
        elif left := changes[name].only_before + changes[name].only_after:
            yield f"{name}: {left} cases could be told in one run only; they are left out."
    for side, found in (("before", one), ("after", other)):
        if found.errors:
            yield f"{len(found.errors)} of {found.outcomes} outcomes of the run {side} failed and have no verdicts."
        if found.unpriced:
            yield f"The cost of {found.unpriced} answers of the run {side} is not known."
