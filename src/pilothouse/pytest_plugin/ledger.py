"""What all tests of a session found: figures for the terminal, and the run that is kept.

A run is begun with the first result and grows with each, so that a session that is killed leaves what it had.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from pilothouse.cases import Outcome
from pilothouse.errors import Cancelled, PilothouseError
from pilothouse.evals.reports.summary import Metric, Summary, summarise
from pilothouse.evals.runs.origin import origin
from pilothouse.ids import content_hash, new_id
from pilothouse.pytest_plugin.trials import Found
from pilothouse.settings import Settings
from pilothouse.stats.intervals import wilson
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.storage import Store
    from pilothouse.storage.evaluating.eval_runs import EvalRuns

__all__ = ["Ledger", "Terminal", "figures"]

_SLICES = ("metadata.test",)
_LEASE = 3600.0  # seconds for which a run counts as under way without a word


class Terminal(Protocol):
    """What is used of pytest's terminal."""

    def section(self, title: str, sep: str = "=", **markup: bool) -> None: ...
    def write_line(self, line: str, **markup: bool) -> None: ...


@dataclass(slots=True)
class _Suite:
    """What there is of one suite, and the id of its run."""

    outcomes: list[Outcome] = field(default_factory=list)
    marks: dict[str, Json] = field(default_factory=dict)
    repeated: list[Found] = field(default_factory=list)
    evaluators: dict[str, Json] = field(default_factory=dict)
    lower: set[str] = field(default_factory=set)
    run_id: str | None = None


class Ledger:
    """Keeps runs named `name` where that is given, one for each suite, in `project`."""

    def __init__(self, name: str | None, project: str = "default", settings: Settings | None = None) -> None:
        self._name = name
        self._project = project
        self._settings = settings
        self._holder = f"pytest {new_id()}"
        self._suites: dict[str, _Suite] = {}
        self._store: Store | None = None
        self._trouble: str | None = None

    def add(self, packed: str) -> None:
        """What one test found."""
        found = msgspec.json.decode(packed, type=Found)
        suite = self._suites.setdefault(found.suite, _Suite())
        suite.outcomes += found.outcomes
        suite.evaluators = {**found.evaluators, **suite.evaluators}
        suite.lower |= set(found.lower)
        suite.marks[found.test] = found.mark
        if len(found.results) > 1:
            suite.repeated.append(found)
        if self._name is not None and found.outcomes and self._trouble is None:
            try:
                self._keep(self._name, found, suite)
            except PilothouseError as error:
                self._trouble = error.message

    def finish(self) -> bool:
        """Close the runs; False where something could not be kept."""
        try:
            for name, suite in self._suites.items() if self._trouble is None else ():
                if suite.run_id is not None:
                    self._runs().release(self._project, suite.run_id, self._holder, "done", **_whole(name, suite))
        except PilothouseError as error:
            self._trouble = error.message
        if self._store is not None:
            self._store.close()
            self._store = None
        return self._trouble is None

    def tell(self, terminal: Terminal) -> None:
        """A table of each suite's figures, and of tests with several trials."""
        for name, suite in self._suites.items():
            if not suite.outcomes:
                continue
            terminal.section(f"evaluation: {name}")
            for line in figures(_summary(suite), suite.repeated):
                terminal.write_line(line)
            if suite.run_id is not None:
                terminal.write_line(f"kept as run {suite.run_id}: pilothouse evals show {self._name}")
        if self._trouble is not None:
            terminal.write_line(f"The eval run '{self._name}' could not be kept: {self._trouble}", red=True)

    def _keep(self, name: str, found: Found, suite: _Suite) -> None:
        runs = self._runs()
        if suite.run_id is None:
            run = runs.create(
                self._project, name=name, suite=found.suite, kind="unit", subject={"task": "pytest"}, plan={},
                plan_hash="", cases=0, trials=1, metadata=origin(Path.cwd()),
            )  # fmt: skip
            suite.run_id = run.id
            runs.take(self._project, run.id, self._holder, _LEASE)
        kept = runs.put(
            self._project, suite.run_id, found.outcomes, holder=self._holder, seconds=_LEASE,
            cost_nano=_cost(found.outcomes),
        )  # fmt: skip
        if not kept:
            raise Cancelled("It was cancelled.")

    def _runs(self) -> "EvalRuns":
        from pilothouse.storage import open_store  # noqa: PLC0415 - takes half a second, and only --eval-run needs it
        from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

        if self._store is None:
            self._store = open_store(self._settings or Settings.from_env())
        return EvalRuns(self._store)


def figures(summary: Summary, repeated: Sequence[Found] = ()) -> list[str]:
    """Lines of a table: for each evaluator how many verdicts, the mean, the share that passes, and what was not told;
    then the pass rate of each test with several trials."""
    rows = [("evaluator", "ok", "failed", "skipped", "mean (95 %)", "passes (95 %)")]
    rows += [_row(metric) for metric in summary.metrics.values()]
    for found in repeated:
        states = [result.state for result in found.results]
        told = [state for state in states if state in ("passed", "failed", "error")]
        share = _between(*_share(told.count("passed"), len(told)))
        rows.append((f"{found.test} x{len(states)}", str(len(told)), str(states.count("untold")),
                     str(states.count("skipped")), "", share))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if column in (0, 4, 5) else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]  # fmt: skip
    if summary.errors:
        lines.append(f"{summary.errors} of {summary.outcomes} ended in an error and were not judged")
    unpriced = sum(metric.unpriced for metric in summary.metrics.values())
    if summary.judge_nano or unpriced:
        more = f", and {unpriced} verdicts of unknown price" if unpriced else ""
        lines.append(f"judges cost ${(summary.judge_nano or 0) / 1e9:.4f}{more}")
    return lines


def _row(metric: Metric) -> tuple[str, str, str, str, str, str]:
    mean = _between(metric.mean, metric.low, metric.high)
    share = _between(metric.pass_rate, metric.pass_low, metric.pass_high)
    return (metric.name, str(metric.n), str(metric.failed), str(metric.skipped), mean, share)


def _share(passed: int, told: int) -> tuple[float | None, float | None, float | None]:
    if not told:
        return None, None, None
    share = wilson(passed, told)
    return share.value, share.low, share.high


def _between(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _summary(suite: _Suite) -> Summary:
    trials = max((outcome.trial + 1 for outcome in suite.outcomes), default=1)
    return summarise(suite.outcomes, trials=trials, lower_is_better=suite.lower, slices=_SLICES)


def _whole(name: str, suite: _Suite) -> Json:
    summary = _summary(suite)
    told: Json = {"suite": name, "slices": list(_SLICES), "evaluators": list(suite.evaluators.values())}
    plan: Json = {"suite": told, "lower_is_better": sorted(suite.lower), "tests": suite.marks}
    return {
        "cases": summary.cases, "trials": summary.trials, "summary": summary.to_json(), "plan": plan,
        "plan_hash": content_hash(plan),
    }  # fmt: skip


def _cost(outcomes: Sequence[Outcome]) -> int | None:
    """What judging cost, and what cases say of themselves; None once it is not known."""
    costs = [verdict.cost_nano for outcome in outcomes for verdict in outcome.verdicts]
    costs += [outcome.case.cost_nano or 0 for outcome in outcomes]
    return None if None in costs else sum(cost for cost in costs if cost is not None)
