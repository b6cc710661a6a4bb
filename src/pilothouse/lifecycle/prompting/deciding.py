"""Whether a version of a prompt may take the place of another, from two runs of one suite. Plain functions.

What cannot be told counts against it, and says what to do. Two versions are compared case by case: an interval of the
mean difference, by a bootstrap over cases (by Newcombe's method for pass and fail), must not allow a larger loss than
was agreed. Where no case differs at all, as many as Wilson's bound allows of so many cases may.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from pilothouse.cases import Outcome
from pilothouse.evals.reports.compare import Change, Comparison, Paired
from pilothouse.evals.reports.figures import figure, percent, seconds, signed
from pilothouse.evals.reports.told import Told
from pilothouse.prompting import Protected
from pilothouse.stats.intervals import quantile, wilson_bounds
from pilothouse.stats.power import cases_for_scores

__all__ = ["Decision", "Difference", "decide"]

_LEVEL = 0.95
_FEW = 10  # cases below which a bootstrap is too narrow: benchmarks/evals
_NAMED = 5
_MOST = 0.5  # of the cases, that a first version passes where nothing else is said
_UNIT = 1 + 1e-9


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of `n` cases before and after. `low` and `high` bound the difference at 95 %, None where nothing does.
    `won` and `lost` count cases that pass only after, only before; `needed` is about how many cases would tell."""

    name: str
    n: int
    before: float
    after: float
    difference: float
    low: float | None = None
    high: float | None = None
    method: str = ""
    won: int | None = None
    lost: int | None = None
    needed: int | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`reasons` are against the version, `notes` what was found beside; sentences with figures. It passed where there
    are no reasons."""

    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.reasons


def decide(
    rule: Protected, metric: str, told: Told, outcomes: Sequence[Outcome],
    may_gate: Callable[[str], str | None] = lambda name: None,
) -> Decision:  # fmt: skip
    """Decide on the run of a version from what is `told` of it, compared with that of the version in its place, where
    there is one. `outcomes` are the run's; `may_gate` says why a metric may not decide, None where it may."""
    reasons, notes, differences = [*_complete(told), *_told_all(told)], list[str](), list[Difference]()
    if not rule.unvalidated and (why := may_gate(metric)):
        reasons.append(why)
    reasons += _must_pass(rule.must_pass, outcomes)
    reasons += [f"{gate.text}: {gate.sentence}" for gate in told.failed]
    comparison = told.comparison
    if comparison is None:
        reasons += _first(rule, metric, told)
        notes.append("It is compared with no other version: its gates and the cases that must pass decide.")
        return Decision(reasons=tuple(reasons), notes=tuple(notes))
    if comparison.errors[0]:
        notes.append(f"{comparison.errors[0]} cases got no answer of the version to compare with: they do not count.")
    found, said = _quality(rule.margin, metric, comparison)
    differences += [found] if found is not None else []
    (reasons if said.against else notes).append(said.text)
    for name, limit, pair, unit in (
        ("cost", rule.cost_rise, comparison.cost, _usd), ("latency", rule.latency_rise, comparison.latency, seconds),
    ):  # fmt: skip
        if pair is not None:
            differences.append(_of_pair(name, pair))
        if limit is not None:
            said = _grown(name, limit, pair, unit)
            (reasons if said.against else notes).append(said.text)
    return Decision(reasons=tuple(reasons), notes=tuple(notes), differences=tuple(differences))


def _first(rule: Protected, metric: str, told: Told) -> Iterable[str]:
    """What is against a version that nothing is compared with."""
    summed = told.summary.metrics.get(metric)
    if summed is None or not summed.n:
        yield f"'{metric}' could judge no case: see whether the cases have what it needs."
        return
    if told.gates or rule.must_pass:
        return
    if summed.pass_rate is not None:
        low, what = summed.pass_rate < _MOST, f"'{metric}' passes {percent(summed.pass_rate)} of {summed.cases} cases"
    else:
        low, what = summed.mean == 0 and not summed.lower_is_better, f"'{metric}' is 0 in all {summed.cases} cases"
    if low:
        enough = f"{metric}.pass < 30%" if summed.pass_rate is not None else f"{metric} < 0.3"
        yield (
            f"{what}. Of a first version most must pass where nothing else is said: where less is enough, say what "
            f"fails it in the suite's 'gates', as '{enough}'."
        )


class _Said(msgspec.Struct, frozen=True):
    text: str
    against: bool


def _complete(told: Told) -> Iterable[str]:
    if not told.complete:
        why = f": {told.run.error.rstrip('.')}" if told.run.error else ""
        yield f"The run is {told.run.status}, with {told.run.done} of {told.run.planned} outcomes{why}. Evaluate again."
    if told.baseline is not None and told.baseline.status != "done":
        yield f"The run of the version to compare with is {told.baseline.status}. Evaluate again."


def _told_all(told: Told) -> Iterable[str]:
    """What got no answer, or no verdict."""
    summary = told.summary
    if summary.errors:
        why = f": {summary.why_errors[0].text.rstrip('.')}" if summary.why_errors else ""
        yield f"{summary.errors} of {summary.outcomes} cases got no answer{why}."
    for one in summary.metrics.values():
        if one.failed:
            why = f": {one.why[0].text.rstrip('.')}" if one.why else ""
            yield f"'{one.name}' could not judge {one.failed} of {one.n + one.failed + one.skipped} answers{why}."


def _must_pass(wanted: Sequence[str], outcomes: Sequence[Outcome]) -> Iterable[str]:
    there = {one.case.id for one in outcomes}
    for name in wanted:
        key = name.removeprefix("metadata.") if name.startswith("metadata.") and name not in there else None
        chosen = [
            one for one in outcomes if (one.case.metadata.get(key) is True if key is not None else one.case.id == name)
        ]
        if not chosen:
            what = f"metadata '{key}': true" if key is not None else f"the id '{name}'"
            yield f"No case has {what}, which must pass: add one to the dataset, or take it out of 'must_pass'."
        cases = len({one.case.id for one in chosen})
        failing = dict.fromkeys(one.case.id for one in chosen if _passes(one) is False)
        untold = dict.fromkeys(one.case.id for one in chosen if _passes(one) is None and one.case.id not in failing)
        if failing:
            yield f"{len(failing)} of {cases} cases that must pass fail: {_list(failing)}."
        if untold:
            yield f"Whether a case that must pass does, no evaluator says: {_list(untold)}. Add one with pass or fail."


def _passes(outcome: Outcome) -> bool | None:
    """Whether all that say pass or fail say pass; None where nobody says."""
    if outcome.error is not None:
        return False
    said = [one.passed for one in outcome.verdicts if one.passed is not None]
    return all(said) if said else None


def _quality(margin: float, metric: str, comparison: Comparison) -> tuple[Difference | None, _Said]:
    change = comparison.metrics.get(metric)
    if change is None:
        why = next((one for one in comparison.untold if one.startswith(f"{metric}:")), "")
        return None, _Said(f"'{metric}' could not be compared with the current version. {why}".rstrip(), True)
    low, high = _bounds(change)
    sign = -1 if change.lower_is_better else 1
    worst = None if low is None or high is None else low if sign > 0 else -high
    passes = change.passes
    found = Difference(
        name=metric, n=change.n, before=change.before, after=change.after, difference=change.difference, low=low,
        high=high, method=change.method, won=passes.won if passes else None, lost=passes.lost if passes else None,
        needed=_needed(change, margin),
    )  # fmt: skip
    size = f"{figure(change.before)} before, {figure(change.after)} now over {change.n} cases"
    if worst is None:
        return found, _Said(f"Too few cases could tell '{metric}': {size}. {_more(found, margin)}", True)
    told = f"'{metric}': {size}, a difference of {signed(change.difference)} ({figure(low)} to {figure(high)})"
    if worst >= -margin:
        return found, _Said(f"{told}: a loss of more than {figure(margin)} is ruled out.", False)
    best = high if sign > 0 else -low if low is not None else None
    if change.gain < -margin and best is not None and best < 0:
        return found, _Said(f"{told}: it got worse, and a loss of {figure(margin)} is agreed to.", True)
    return found, _Said(
        f"{told}: that allows a loss of {figure(-worst)}, and {figure(margin)} is agreed to. {_more(found, margin)}",
        True,
    )


def _bounds(change: Change) -> tuple[float | None, float | None]:
    """The interval of the difference. Where all cases differ by the same, or not at all, no resampling tells one."""
    binary = change.method.startswith("newcombe")
    if change.low is not None and change.high is not None:
        return (change.low, change.high) if binary or change.n >= _FEW else (None, None)
    if max(abs(change.before), abs(change.after)) > _UNIT or not change.n:
        return None, None
    others = wilson_bounds(0, change.n, quantile(_LEVEL))[1]
    middle = change.difference * (1 - others)
    return middle - others, middle + others


def _needed(change: Change, margin: float) -> int | None:
    """About how many cases like these show, in eight of ten runs, that nothing was lost where nothing was."""
    z, passes = quantile(_LEVEL), change.passes
    if margin <= 0:
        return None
    if change.effect is None and passes is not None and (flips := passes.won + passes.lost):
        return cases_for_scores(margin, (flips / passes.n) ** 0.5)
    if change.effect is None or change.low is None or change.high is None:  # no case differs from another
        return int(z * z * (1 - margin) / margin) + 1
    return cases_for_scores(margin, (change.high - change.low) / 2 / z * change.n**0.5)


def _more(found: Difference, margin: float) -> str:
    if not margin:
        return "With a margin of 0 only a version that is surely better passes: agree to a small one."
    if found.needed is None or found.needed <= found.n:
        return "More cases would tell."
    return f"About {found.needed:,} cases like these would tell."


def _grown(name: str, limit: float, pair: Paired | None, unit: Callable[[float], str]) -> _Said:
    if pair is None:
        return _Said(f"The {name} could not be compared: no case has one in both runs that is known.", True)
    size = f"The {name} of a case was {unit(pair.before)}, and is {unit(pair.after)} now"
    share = f" ({pair.difference / pair.before:+.1%})" if pair.before else ""
    grew = pair.after > pair.before * (1 + limit) and pair.after > pair.before
    if not grew:
        return _Said(f"{size}{share}: it may grow by {percent(limit)}.", False)
    if pair.low is not None and pair.low <= 0:
        return _Said(f"{size}{share}: over {pair.n} cases that may be chance.", False)
    return _Said(f"{size}{share}: more than {percent(limit)} is not agreed to.", True)


def _of_pair(name: str, pair: Paired) -> Difference:
    return Difference(
        name=name, n=pair.n, before=pair.before, after=pair.after, difference=pair.difference, low=pair.low,
        high=pair.high, method="bootstrap",
    )  # fmt: skip


def _usd(value: float) -> str:
    return f"${value:.6f}"


def _list(names: Iterable[str]) -> str:
    each = [f"'{one[:80]}'" for one in names]
    more = f" and {len(each) - _NAMED} more" if len(each) > _NAMED else ""
    return ", ".join(each[:_NAMED]) + more
