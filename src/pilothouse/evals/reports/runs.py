"""Reports of the runs that are kept: which run another is compared with, and what is said of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pilothouse.cases import Outcome
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.reports.compare import Comparison, compare, compare_all
from pilothouse.evals.reports.gates import Gate, check
from pilothouse.evals.reports.summary import summarise
from pilothouse.evals.reports.told import Facts, Told
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.types import Json

__all__ = ["Objections", "RunReports", "facts_of", "find_baseline", "lower_is_better", "planned"]

Objections = Callable[[str, Json], Callable[[str], str | None]]
"""By project and plan of a run: why a metric may not gate, None where it may (`gates.check(may_gate=...)`)."""

_BRANCH = "branch:"
_PAGE, _MOST_PAGES = 100, 50


@dataclass(frozen=True, slots=True)
class RunReports:
    """Over the runs of a store. Every method blocks on the database."""

    runs: EvalRuns
    objections: Objections | None = None

    def told(
        self, project: str, run: Run, *, gates: Sequence[str | Gate] | None = None, baseline: Run | None = None,
        slices: Sequence[str] | None = None,
    ) -> Told:  # fmt: skip
        """All there is to say of a run. Gates and slices are those of its suite unless there are others, the baseline
        the one it was run with. Raises ConfigError for what is no gate."""
        gates = planned(run, "gates") if gates is None else gates
        keys = planned(run, "slices") if slices is None else slices
        outcomes, notes = list(self.runs.each(project, run.id)), list[str]()
        if baseline is None and run.baseline_id is not None:
            try:
                baseline = self.runs.get(project, run.baseline_id)
            except NotFound:
                notes.append(f"The run {run.baseline_id} that this one is compared with was deleted.")
        if baseline is None:
            return self._told(project, run, outcomes, gates, keys, None, None, notes)
        lower = lower_is_better(run) | lower_is_better(baseline)
        comparison = compare(self.runs.each(project, baseline.id), outcomes, lower_is_better=lower, slices=keys)
        return self._told(project, run, outcomes, gates, keys, baseline, comparison, notes)

    def against(
        self, project: str, before: Run, others: Sequence[Run], *, gates: Sequence[str | Gate] = (),
        slices: Sequence[str] = (),
    ) -> list[Told]:  # fmt: skip
        """Each of several runs against one before them, corrected for all of them."""
        lower = set[str]().union(*map(lower_is_better, [before, *others]))
        each = [list(self.runs.each(project, run.id)) for run in others]
        found = compare_all(self.runs.each(project, before.id), each, lower_is_better=lower, slices=slices)
        return [
            self._told(project, run, outcomes, gates, slices, before, comparison, [])
            for run, outcomes, comparison in zip(others, each, found, strict=True)
        ]

    def _told(
        self, project: str, run: Run, outcomes: Sequence[Outcome], gates: Sequence[str | Gate], slices: Sequence[str],
        baseline: Run | None, comparison: Comparison | None, notes: list[str],
    ) -> Told:  # fmt: skip
        summary = summarise(outcomes, trials=run.trials, lower_is_better=lower_is_better(run), slices=slices)
        if run.erased:
            notes.append(f"{run.erased} outcomes were erased with the traces or users that they came from.")
        may_gate = self.objections(project, run.plan) if self.objections is not None else lambda name: None
        return Told(
            run=facts_of(run), summary=summary, gates=tuple(check(gates, summary, comparison, may_gate=may_gate)),
            comparison=comparison, baseline=None if baseline is None else facts_of(baseline), notes=tuple(notes),
        )  # fmt: skip


def find_baseline(runs: EvalRuns, project: str, reference: str, *, suite: str, before: Run | None = None) -> Run:
    """The run that a reference names: an id, `branch:main` (the newest run of the suite whose metadata has this
    branch), or a name (the newest run of it). Of branches and names only runs that are done count, and none but those
    older than `before`. Raises NotFound, saying how there could be one."""
    branch = reference.removeprefix(_BRANCH) if reference.startswith(_BRANCH) else None
    if branch == "":
        raise InvalidRequest("Name a branch, as branch:main.", param="baseline")
    if branch is None:
        try:
            found = runs.get(project, reference)
            if found.id == reference:
                return found
        except NotFound:
            pass
    last = None if before is None else before.id
    for _ in range(_MOST_PAGES):
        named = {"suite": suite} if branch is not None else {"name": reference}
        page = runs.list(project, **named, before=last, limit=_PAGE)
        for run in page.runs:
            if run.status == "done" and (branch is None or run.metadata.get("branch") == branch):
                return run
        if (last := page.next) is None:
            break
    if branch is not None:
        raise NotFound(
            f"No run of the suite '{suite}' on the branch '{branch}' is done. `pilothouse evals run` on that branch "
            f"makes one: it notes the branch (or --metadata branch={branch} does).",
            param="baseline",
        )
    raise NotFound(f"There is no run '{reference[:256]}' that is done.", param="baseline")


def facts_of(run: Run) -> Facts:
    """What a report says of a run on top."""
    told = run.metadata
    suite = run.plan.get("suite")
    dataset = str((suite.get("dataset") or suite.get("data") or "") if isinstance(suite, dict) else "")
    if run.dataset_version is not None and "@" not in dataset:
        dataset = f"{dataset}@{run.dataset_version}"
    return Facts(
        id=run.id, name=run.name, suite=run.suite, status=run.status, error=run.error, subject=_subject(run.subject),
        dataset=dataset, branch=str(told.get("branch", "")), commit=str(told.get("commit", "")),
        planned=run.cases * run.trials, done=run.done, paid_nano=run.cost_nano, created_us=run.created_us,
    )  # fmt: skip


def planned(run: Run, what: str) -> list[str]:
    """The `gates` or `slices` of its suite."""
    suite = run.plan.get("suite")
    return list((suite.get(what) if isinstance(suite, dict) else None) or ())


def lower_is_better(run: Run) -> set[str]:
    """The names of its evaluators whose scores are good when low."""
    return set(run.plan.get("lower_is_better") or ())


def _subject(subject: Json) -> str:
    if subject.get("diff"):
        return str(subject["diff"])
    if subject.get("prompt"):
        return f"prompt {subject['prompt']}, answered by {subject.get('model')}"
    for kind in ("model", "corpus", "python"):
        if subject.get(kind):
            return f"{kind} {subject[kind]}"
    return "recorded answers" if subject.get("recorded") else ""
