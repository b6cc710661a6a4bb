"""Runs of evaluation as pages show them: what is kept of a run, and its cases page by page. A page of a run reads a
page of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pilothouse.cases import Outcome, Verdict
from pilothouse.evals.reports.gates import GateResult
from pilothouse.evals.reports.runs import facts_of
from pilothouse.evals.reports.slicing import falls
from pilothouse.evals.reports.summary import Summary
from pilothouse.evals.reports.told import Facts
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

__all__ = [
    "Bar", "Cases", "RunView", "Wanted", "bar", "cases_of", "differing", "snippet_of", "text_of", "view_of",
]  # fmt: skip

_ROWS, _READ, _MOST_READ = 50, 100, 2000
_WIDTH = 1000
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with what it keeps of itself; `summary` is None while there is none. `share` of it is done, in percent."""

    run: Run
    facts: Facts
    summary: Summary | None
    gates: Sequence[GateResult]

    @property
    def failed(self) -> int:
        """How many gates failed."""
        return sum(not gate.passed for gate in self.gates)

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(1.0, self.facts.done / self.facts.planned) if self.facts.planned else 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases of a run to show: the `failing` ones, those that an `evaluator` said something of, those of a slice,
    a `key` with its `value`. `after` is where to go on."""

    failing: bool = False
    evaluator: str = ""
    key: str = ""
    value: str = ""
    after: str = ""

    def parameters(self) -> dict[str, str]:
        """As an address has them, but for where to go on."""
        given = {"failing": "1" if self.failing else "", "evaluator": self.evaluator}
        given |= {"slice": self.key, "value": self.value} if self.key else {}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Cases:
    """Outcomes to show; `next` continues, None at the end. `read` counts the outcomes looked at for them."""

    outcomes: Sequence[Outcome]
    next: str | None
    read: int


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval on a line from 0 to 1000: where it begins, how wide it is, and where the value lies."""

    x: float
    width: float
    at: float


def view_of(run: Run) -> RunView:
    """What there is to say of a run without reading an outcome. A summary that cannot be read is none."""
    told = run.summary or {}
    try:
        summary = Summary.from_json(told) if told else None
        gates = msgspec.convert(told.get("gates") or [], list[GateResult])
    except msgspec.ValidationError:
        summary, gates = None, []
    return RunView(run, facts_of(run), summary, gates)


def cases_of(runs: EvalRuns, project: str, run: Run, wanted: Wanted) -> Cases:
    """A page of cases. Of a slice it looks at 2,000 outcomes at most, since what cases share is in their texts."""
    found: list[Outcome] = []
    after, read = wanted.after or None, 0
    size = _READ if wanted.key else _ROWS
    while True:
        page = runs.outcomes(
            project, run.id, after=after, limit=size, evaluator=wanted.evaluator or None, failing=wanted.failing
        )
        read += len(page.outcomes)
        found += [one for one in page.outcomes if not wanted.key or falls(one.case, wanted.key, wanted.value)]
        after = page.next
        if after is None or len(found) >= _ROWS or read >= _MOST_READ:
            return Cases(found, after, read)


def differing(outcomes: Sequence[Outcome | None]) -> list[tuple[str, list[Verdict | None], bool]]:
    """The verdicts on one case by evaluator, one of each run (None where there is none), and whether they differ in
    pass, label or score."""
    names = dict.fromkeys(one.evaluator for outcome in outcomes if outcome for one in outcome.verdicts)
    rows = []
    for name in names:
        told = [_verdict(outcome, name) for outcome in outcomes]
        said = {(one.status, one.passed, one.label, one.score) for one in told if one is not None}
        rows.append((name, told, len(said) > 1))
    return rows


def bar(low: float | None, value: float | None, high: float | None, ends: tuple[float, float]) -> Bar | None:
    """An interval between two ends; None where there is none, or it leaves them."""
    if value is None or low is None or high is None or not ends[0] <= low <= high <= ends[1]:
        return None
    scale = _WIDTH / (ends[1] - ends[0])
    return Bar((low - ends[0]) * scale, max(4.0, (high - low) * scale), (value - ends[0]) * scale)


def text_of(value: Any, longest: int = _LONGEST) -> str:
    """Any JSON value as text: a string as it is, the rest as JSON; cut where it is longer."""
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def snippet_of(value: Any, longest: int = 160) -> str:
    """The same in a line: of an object with one text, that text."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(only := next(iter(value.values())), str):
        value = only
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _verdict(outcome: Outcome | None, name: str) -> Verdict | None:
    return next((one for one in outcome.verdicts if one.evaluator == name), None) if outcome else None
