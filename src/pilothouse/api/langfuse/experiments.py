"""`/api/public/experiments` and `/experiment-items`: how version 5 of the Langfuse SDK reads the runs that it made.

https://api.reference.langfuse.com
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from pilothouse.api.caller import Caller
from pilothouse.api.langfuse.queries import listed, time_of
from pilothouse.cases import Outcome
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.datasets.reported import STEP
from pilothouse.observe.cursors import cursor_of, place_in
from pilothouse.observe.dialects.langfuse_ids import iso
from pilothouse.observe.dialects.langfuse_scores import EXPERIMENT, score_to_json
from pilothouse.observe.scores import ScoresSought
from pilothouse.observe.traces import Traces
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.types import Json

__all__ = ["routes"]

_LOOKED_AT = 10_000  # runs, the newest
_PAGE = 500
_OF_CASES = frozenset(("core", "io", "dataset", "metadata", "itemMetadata", "experimentMetadata", "scores"))
_OF_RUNS = frozenset(("core", "metadata", "scores"))
_DETAILS = frozenset(("details", "subject"))
_Text = Annotated[str | None, Field(max_length=2000)]
_Count = Annotated[int, Field(ge=1, le=100)]


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    fields: _Text = None
    limit: _Count = 50
    score_limit: _Count = 50
    cursor: _Text = None
    from_start_time: _Text = None
    to_start_time: _Text = None
    dataset_id: _Text = None
    filter: _Text = None

    def groups(self, known: frozenset[str]) -> frozenset[str]:
        """The groups of fields that are asked for. Raises InvalidRequest for one that there is not."""
        if self.filter:
            raise InvalidRequest("`filter` is not supported; use the query's own parameters.", param="filter")
        asked = frozenset(listed(self.fields) or ("core",))
        if strange := sorted(asked - known):
            raise InvalidRequest(
                f"There is no group of fields '{strange[0][:40]}'; there are {', '.join(sorted(known))}."
            )
        return asked

    def fits(self, ids: str | None, names: str | None) -> Callable[[Run], bool]:
        """Whether a run is one of those that are asked for. Raises InvalidRequest for what is no time."""
        since, until = time_of(self.from_start_time, "fromStartTime"), time_of(self.to_start_time, "toStartTime")
        wanted, named, within = listed(ids), listed(names), listed(self.dataset_id)

        def fits(run: Run) -> bool:
            known = {run.id, *run.subject.get("known_as", ())}
            return (
                run.kind == "external" and (since is None or run.created_us >= since)
                and (until is None or run.created_us < until) and (wanted is None or not known.isdisjoint(wanted))
                and (named is None or run.name in named) and (within is None or run.dataset_id in within)
            )  # fmt: skip

        return fits


class _Runs(_Asked):
    id: _Text = None
    name: _Text = None


class _Cases(_Asked):
    experiment_id: _Text = None
    experiment_name: _Text = None
    experiment_item_id: _Text = None


def routes(store: Store) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/public", tags=["langfuse"])
    runs, traces = EvalRuns(store), Traces(store)
    _add_runs(router, runs, traces)
    _add_cases(router, runs, traces)
    return router


def _add_runs(router: APIRouter, runs: EvalRuns, traces: Traces) -> None:
    @router.get("/experiments")
    def list_experiments(caller: Caller, query: Annotated[_Runs, Query()]) -> Json:
        """Runs of other programs, the newest first, with the groups of fields that are asked for."""
        project, groups = caller.project_id, query.groups(_OF_RUNS)
        (before,) = (None,) if query.cursor is None else place_in(query.cursor, tuple[str])
        found = [*islice(_each(runs, project, query.fits(query.id, query.name), before), query.limit + 1)]
        told = []
        for run in found[: query.limit]:
            made: Json = {
                "id": _id(run), "name": run.name, "description": run.subject.get("description"),
                "startTime": iso(run.created_us), "endTime": iso(run.ended_us or run.created_us),
                "itemCount": run.cases, "datasetId": run.dataset_id,
            }  # fmt: skip
            if "metadata" in groups:
                made["metadata"] = run.metadata
            if "scores" in groups:
                sought = ScoresSought(session_id=[EXPERIMENT + one for one in _ids(run)])
                made["scores"] = _scores(traces, project, sought, query.score_limit)
            told.append(made)
        more = len(found) > query.limit
        return {"data": told, "meta": {"cursor": cursor_of(found[query.limit - 1].id)} if more else {}}


def _add_cases(router: APIRouter, runs: EvalRuns, traces: Traces) -> None:
    @router.get("/experiment-items")
    def list_experiment_items(caller: Caller, query: Annotated[_Cases, Query()]) -> Json:
        """The cases of such runs, by their ids within each run, the newest run first."""
        project, groups = caller.project_id, query.groups(_OF_CASES)
        chosen = query.fits(query.experiment_id, query.experiment_name)
        at, after = (None, None) if query.cursor is None else place_in(query.cursor, tuple[str, str])
        first = [runs.get(project, at)] if at is not None else []
        told, marks = list[Json](), list[str]()
        for run in (*filter(chosen, first), *_each(runs, project, chosen, at)):
            while len(told) <= query.limit:
                page = runs.outcomes(project, run.id, after, limit=query.limit + 1)
                for one in page.outcomes:
                    if query.experiment_item_id in (None, one.case.id):
                        told.append(_case(run, one, groups, _when(traces, project, run, one)))
                        marks.append(cursor_of(run.id, f"{one.trial}:{one.case.id}"))
                        if "scores" in groups and one.case.trace_id:
                            sought = ScoresSought(trace_id=[one.case.trace_id])
                            told[-1]["scores"] = _scores(traces, project, sought, query.score_limit)
                if (after := page.next) is None:
                    break
            after = None
            if len(told) > query.limit:
                break
        more = len(told) > query.limit
        return {"data": told[: query.limit], "meta": {"cursor": marks[query.limit - 1]} if more else {}}


def _scores(traces: Traces, project: str, sought: ScoresSought, limit: int) -> list[Json]:
    kept = traces.scores.page(project, sought, limit)
    return [score_to_json(score, project, updated, _DETAILS) for score, updated in kept]


def _each(runs: EvalRuns, project: str, fits: Callable[[Run], bool], before: str | None) -> Iterator[Run]:
    for _ in range(_LOOKED_AT // _PAGE):
        page = runs.list(project, before=before, limit=_PAGE)
        yield from filter(fits, page.runs)
        if (before := page.next) is None:
            return


def _case(run: Run, one: Outcome, groups: frozenset[str], at: tuple[int, int | None, str]) -> Json:
    case, (start, end, environment) = one.case, at
    made: Json = {
        "id": case.metadata.get(STEP) or case.trace_id or case.id, "traceId": case.trace_id or "",
        "startTime": iso(start), "endTime": None if end is None else iso(end),
        "level": "DEFAULT" if one.error is None else "ERROR", "environment": environment, "experimentId": _id(run),
        "experimentName": run.name, "experimentItemId": case.id,
    }  # fmt: skip
    if "io" in groups:
        made |= {"input": case.input, "output": case.output or one.error, "expectedOutput": case.expected}
    if "dataset" in groups:
        made["experimentDatasetId"] = run.dataset_id
    about = {name: value for name, value in case.metadata.items() if name != STEP}
    for group, name in (("metadata", "metadata"), ("itemMetadata", "experimentItemMetadata")):
        if group in groups:
            made[name] = about
    if "experimentMetadata" in groups:
        made |= {"experimentMetadata": run.metadata, "experimentDescription": run.subject.get("description")}
    return made


def _when(traces: Traces, project: str, run: Run, one: Outcome) -> tuple[int, int | None, str]:
    """When the step that answered began and ended, and where; the run's own time while nothing is there of it."""
    try:
        root = traces.get(one.case.trace_id or "", project, payload=False, most=1).root
        step = one.case.metadata.get(STEP)
        span = traces.span(one.case.trace_id or "", str(step), project) if step else root
    except NotFound:
        return run.created_us, None, "default"
    return span.start_us, span.end_us, span.environment or "default"


def _ids(run: Run) -> list[str]:
    return [*run.subject.get("known_as", ()), run.id]


def _id(run: Run) -> str:
    return _ids(run)[0]
