"""`/api/evals/compare` and `/api/evals/runs/{run}/report.*`: what runs showed, as JSON, Markdown or JUnit XML."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from pilothouse.api.caller import InProject
from pilothouse.config import Config
from pilothouse.errors import InvalidRequest
from pilothouse.evals.cards.judges import JudgeRoom
from pilothouse.evals.cards.planned import named_by
from pilothouse.evals.reports.junit import junit
from pilothouse.evals.reports.markdown import markdown
from pilothouse.evals.reports.runs import RunReports, find_baseline, planned
from pilothouse.evals.reports.told import Told
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.types import Json

__all__ = ["routes"]

_MOST = 8
_MARKDOWN, _XML = "text/markdown; charset=utf-8", "application/xml"
_Gates = Annotated[tuple[str, ...], Query(description="Conditions beside those of its suite, as `exact < 0.8 ci`.")]
_Slices = Annotated[tuple[str, ...], Query(description="Keys to cut cases by, as `metadata.topic`.")]
_Baseline = Annotated[str | None, Query(description="Compare with this run: an id, a name, or `branch:main`.")]


def routes(store: Store, config: Callable[[], Config]) -> APIRouter:
    """The routes over the runs of a store. `config` gives the configuration that serves, which says who judges are."""
    router = APIRouter(prefix="/api/evals", tags=["evals"])
    runs = EvalRuns(store)

    def reports() -> RunReports:
        return RunReports(runs, JudgeRoom(store, named_by(config())).objections)

    @router.get("/runs/{run}/report.md", response_class=Response)
    def report_as_markdown(
        run: str,
        project: InProject,
        baseline: _Baseline = None,
        slice: _Slices = (),
        gate: _Gates = (),
    ) -> Response:
        """The report of a run for a pull request, at most 60,000 characters."""
        told = _told(reports(), project, runs.get(project, run), baseline, slice, gate)
        return Response(markdown(told), media_type=_MARKDOWN)

    @router.get("/runs/{run}/report.xml", response_class=Response)
    def report_as_junit(
        run: str,
        project: InProject,
        baseline: _Baseline = None,
        gate: _Gates = (),
    ) -> Response:
        """JUnit XML: a test for each case, and the gates as a suite of their own."""
        found = runs.get(project, run)
        told = _told(reports(), project, found, baseline, (), gate)
        return Response(junit(told, runs.each(project, found.id)), media_type=_XML)

    @router.get("/compare", response_model=None)
    def compare(
        project: InProject,
        before: Annotated[str, Query(description="A run: its id, its name, or `branch:main`.")],
        after: Annotated[list[str], Query(description="Runs to compare with it, each by id or name.")],
        slice: _Slices = (),
        gate: _Gates = (),
        format: Literal["json", "markdown"] = "json",
    ) -> Response | Json:
        """Runs against one before them, case by case, p-values corrected for all of them: `data` has a report each."""
        told = _compared(reports(), project, before, after, gate, slice)
        if format == "markdown":
            return Response("\n".join(map(markdown, told)), media_type=_MARKDOWN)
        return {"data": [one.to_json() for one in told]}

    return router


def _told(
    of: RunReports, project: str, run: Run, baseline: str | None, slices: Sequence[str], gates: Sequence[str]
) -> Told:
    base = find_baseline(of.runs, project, baseline, suite=run.suite, before=run) if baseline else None
    return of.told(project, run, gates=[*planned(run, "gates"), *gates], baseline=base, slices=slices or None)


def _compared(
    of: RunReports, project: str, before: str, after: Sequence[str], gates: Sequence[str], slices: Sequence[str]
) -> list[Told]:
    if len(after) > _MOST:
        raise InvalidRequest(f"At most {_MOST} runs are compared at a time; these are {len(after)}.", param="after")
    others = [of.runs.get(project, one) for one in after]
    base = find_baseline(of.runs, project, before, suite=others[0].suite)
    if base.id in {one.id for one in others}:
        raise InvalidRequest(f"'{before[:128]}' is among those that it is compared with.", param="before")
    return of.against(project, base, others, gates=gates, slices=slices)
