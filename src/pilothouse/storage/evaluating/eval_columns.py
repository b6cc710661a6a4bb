"""What runs found, by the columns of their rows alone: quick to read for a whole run, without a text.

Knows nothing of what a run is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Float, cast, func, select

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.storage.database import Store
from pilothouse.storage.statements import among
from pilothouse.storage.tables import eval_outcomes, eval_verdicts

__all__ = ["EvalColumns", "LabelCount"]

_O, _V = eval_outcomes.c, eval_verdicts.c
_LEFT_OUT = "It is told with the case."
_ROWS = 5000


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How often a label was given: in `count` verdicts, and in how many cases. A case whose verdicts differ counts in
    parts, so that the cases of all labels are those that there are."""

    label: str
    cases: float
    count: int


@dataclass(frozen=True, slots=True)
class EvalColumns:
    """Of a store. Blocks on the database."""

    store: Store

    def outcomes(self, project: str, run_id: str) -> Iterator[Outcome]:
        """All outcomes of a run by case and trial, as far as columns tell: without output, metadata and explanations,
        and with the case's id in place of the input, so that no two cases seem to be asked the same."""
        verdicts = self._verdicts(project, run_id)
        waiting = next(verdicts, None)
        query = (
            select(_O.case_id, _O.trial, _O.status, _O.latency_us, _O.cost_nano, _O.trace_id)
            .where(_O.project_id == project, _O.run_id == run_id)
            .order_by(_O.case_id, _O.trial)
        )
        with self.store.control.connect() as connection:
            for row in connection.execute(query, execution_options={"yield_per": _ROWS}):
                told = []
                while waiting is not None and waiting[0] == (row.case_id, row.trial):
                    told.append(waiting[1])
                    waiting = next(verdicts, None)
                latency = None if row.latency_us is None else row.latency_us / 1e6
                case = Case(
                    id=row.case_id, input=row.case_id, latency_s=latency, cost_nano=row.cost_nano, trace_id=row.trace_id
                )
                error = None if row.status == "ok" else _LEFT_OUT
                yield Outcome(case=case, trial=row.trial, error=error, verdicts=tuple(told))

    def labels(self, project: str, evaluators: Iterable[tuple[str, str]]) -> Sequence[LabelCount]:
        """How often each label was given by all of these (run id, evaluator) together. Verdicts on the same case are
        one case, in whichever of the runs and trials they are."""
        keys = [(project, *pair) for pair in evaluators]
        if not keys:
            return []
        with self.store.control.connect() as connection:
            these = among(connection, [_V.project_id, _V.run_id, _V.evaluator], keys)
            runs = among(connection, [_V.project_id, _V.run_id], {key[:2] for key in keys})
            times = func.count()
            each = (
                select(
                    _V.label, times.label("times"),
                    func.sum(times).over(partition_by=_V.case_id).label("all"),
                )
                .where(runs, these, _V.status == "ok", _V.label.is_not(None))
                .group_by(_V.case_id, _V.label)
                .subquery()
            ).c  # fmt: skip
            part = cast(each.times, Float) / cast(each.all, Float)
            query = (
                select(each.label, func.sum(part), func.sum(each.times)).group_by(each.label).order_by(each.label)
            )  # fmt: skip
            return [LabelCount(label, float(cases), int(count)) for label, cases, count in connection.execute(query)]

    def _verdicts(self, project: str, run_id: str) -> Iterator[tuple[tuple[str, int], Verdict]]:
        query = (
            select(
                _V.case_id, _V.trial, _V.evaluator, _V.status, _V.score, _V.passed, _V.label, _V.cost_nano, _V.trace_id
            )
            .where(_V.project_id == project, _V.run_id == run_id)
            .order_by(_V.case_id, _V.trial, _V.place)
        )
        with self.store.control.connect() as connection:
            for row in connection.execute(query, execution_options={"yield_per": _ROWS}):
                verdict = Verdict(
                    evaluator=row.evaluator, status=row.status, score=row.score, passed=row.passed, label=row.label,
                    explanation="" if row.status == "ok" else _LEFT_OUT, cost_nano=row.cost_nano, trace_id=row.trace_id,
                )  # fmt: skip
                yield (row.case_id, row.trial), verdict
