"""Outcomes by metric and case. The trials of a case stay together, since they are no independent cases; what could not
be told is counted apart, with why."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from pilothouse.cases import Case, Outcome, Verdict

__all__ = ["Gathered", "Measured", "Reason", "case_means", "gather", "most_frequent"]

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_DIGITS = re.compile(r"\d+")
_MOST, _LONG = 3, 300


class Reason(msgspec.Struct, frozen=True):
    """Why something could not be told, in the words of one of the `count` times."""

    text: str
    count: int


@dataclass(slots=True)
class Measured:
    """What all verdicts of one evaluator say. `scores` and `passes` are by case id, a value for each trial that could
    be told; `criteria` are, by their name, those of a judge that scores several from 1 to 5."""

    scores: dict[str, list[float]] = field(default_factory=dict)
    passes: dict[str, list[bool]] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)
    criteria: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    ok: int = 0
    failed: int = 0
    skipped: int = 0
    why: list[str] = field(default_factory=list)
    cost_nano: int = 0
    unpriced: int = 0

    def add(self, case_id: str, verdict: Verdict) -> None:
        if verdict.cost_nano is None:
            self.unpriced += 1
        else:
            self.cost_nano += verdict.cost_nano
        if verdict.status != "ok":
            self.failed += verdict.status == "failed"
            self.skipped += verdict.status == "skipped"
            self.why.append(verdict.explanation)
            return
        self.ok += 1
        if verdict.score is not None:
            self.scores.setdefault(case_id, []).append(verdict.score)
        if verdict.passed is not None:
            self.passes.setdefault(case_id, []).append(verdict.passed)
        if verdict.label is not None:
            self.labels[verdict.label] += 1
        levels = verdict.detail.get("scores")
        if isinstance(levels, dict) and len(levels) > 1:
            for criterion, level in levels.items():
                if isinstance(level, int | float):
                    self.criteria.setdefault(criterion, {}).setdefault(case_id, []).append(level)


@dataclass(slots=True)
class Gathered:
    """All outcomes of a run. `latencies` are seconds, by case; `cost_nano` is of the tasks, without evaluators, and
    `unpriced` counts those of which it is not known."""

    cases: dict[str, Case] = field(default_factory=dict)
    metrics: dict[str, Measured] = field(default_factory=dict)
    outcomes: int = 0
    cached: int = 0
    errors: list[str] = field(default_factory=list)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, list[int]] = field(default_factory=dict)
    unpriced: int = 0

    @property
    def cost_nano(self) -> int:
        return sum(map(sum, self.costs.values()))


def gather(outcomes: Iterable[Outcome]) -> Gathered:
    """One pass over the outcomes of a run, in any order."""
    found = Gathered()
    for outcome in sorted(outcomes, key=lambda one: one.trial):
        case = outcome.case
        found.cases.setdefault(case.id, case)
        found.outcomes += 1
        found.cached += outcome.cached
        if outcome.error is not None:
            found.errors.append(outcome.error)
        elif case.latency_s is not None:
            found.latencies.setdefault(case.id, []).append(case.latency_s)
        if case.cost_nano is not None:
            found.costs.setdefault(case.id, []).append(case.cost_nano)
        elif outcome.error is None:
            found.unpriced += 1
        for verdict in outcome.verdicts:
            found.metrics.setdefault(verdict.evaluator, Measured()).add(case.id, verdict)
    return found


def case_means(measured: Measured) -> dict[str, float]:
    """One value a case: the mean of its scores over trials, of its passes (0 or 1) where there are no scores."""
    values = measured.scores or measured.passes
    return {case_id: sum(trials) / len(trials) for case_id, trials in values.items()}


def most_frequent(texts: Iterable[str], most: int = _MOST) -> tuple[Reason, ...]:
    """The reasons given most often. Texts that differ in numbers and quotations alone are one reason."""
    kinds: Counter[str] = Counter()
    first: dict[str, str] = {}
    for text in texts:
        kind = _DIGITS.sub("0", _QUOTED.sub("''", text))
        kinds[kind] += 1
        first.setdefault(kind, text if len(text) <= _LONG else text[: _LONG - 1] + "…")
    return tuple(Reason(first[kind], count) for kind, count in kinds.most_common(most))
