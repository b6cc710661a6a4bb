"""Runs of evaluation side by side, from the columns of their rows: no text is read but those of the flips to show."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pilothouse.console.evaluating import RunView, snippet_of, view_of
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.reports.compare import Comparison, compare_all
from pilothouse.evals.reports.flips import Flip
from pilothouse.evals.reports.runs import lower_is_better
from pilothouse.storage.evaluating.eval_columns import EvalColumns
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

__all__ = ["Compared", "RunComparisons"]

_FLIPS = 25
_MOST = 100_000  # outcomes in all that a page compares
_MOST_TEXTS = 2000
_KEPT = 16


@dataclass(frozen=True, slots=True)
class Compared:
    """A run against the first: what changed, and the flips to show with what was asked."""

    view: RunView
    comparison: Comparison
    flips: Sequence[tuple[Flip, str]]


@dataclass(frozen=True, slots=True)
class RunComparisons:
    """Over the runs of a store. The last 16 are remembered: tests of 2,000 cases take seconds, and the next page shows
    the same ones by another evaluator."""

    runs: EvalRuns
    remembered: dict[object, list[Comparison]] = field(default_factory=dict)

    def of(self, project: str, chosen: Sequence[Run], metric: str = "") -> list[Compared]:
        """Each run after the first against it, corrected for all; the worst flips (of a metric) with what was asked.
        Raises InvalidRequest for more outcomes than a page can compare."""
        if (total := sum(run.done for run in chosen)) > _MOST:
            raise InvalidRequest(
                f"These runs have {total:,} outcomes, more than the {_MOST:,} that a page compares: use "
                f"`pilothouse evals compare {' '.join(run.id for run in chosen)}`."
            )
        key = project, *((run.id, run.done, run.erased, run.ended_us) for run in chosen)
        told = self.remembered.get(key)
        if told is None:
            told = self._compared(project, chosen)
            for old in [*self.remembered][: max(0, len(self.remembered) - _KEPT + 1)]:
                self.remembered.pop(old, None)
            self.remembered[key] = told
        found = []
        for run, one in zip(chosen[1:], told, strict=True):
            flips = [flip for flip in one.flips if not metric or flip.metric == metric][:_FLIPS]
            found.append(Compared(view_of(run), one, [(flip, self._asked(project, run, flip)) for flip in flips]))
        return found

    def _compared(self, project: str, chosen: Sequence[Run]) -> list[Comparison]:
        """By columns. Where two runs have no id in common, with texts, so that cases are matched by their input."""
        base, others = chosen[0], chosen[1:]
        lower = set[str]().union(*map(lower_is_better, chosen))
        columns = EvalColumns(self.runs.store)
        each = [columns.outcomes(project, run.id) for run in others]
        told = compare_all(columns.outcomes(project, base.id), each, lower_is_better=lower)
        if all(one.shared for one in told) or sum(run.done for run in chosen) > _MOST_TEXTS:
            return told
        whole = [self.runs.each(project, run.id) for run in others]
        return compare_all(self.runs.each(project, base.id), whole, lower_is_better=lower)

    def _asked(self, project: str, run: Run, flip: Flip) -> str:
        try:
            return snippet_of(self.runs.outcome(project, run.id, flip.case_id).case.input)
        except NotFound:  # only another trial of it is kept
            return ""
