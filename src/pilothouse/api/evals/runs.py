"""`/api/evals/runs`: runs of suites, begun as jobs, read, deleted. `/api/evals/evaluators`: who can judge."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.api.caller import Caller, InProject
from pilothouse.errors import Conflict
from pilothouse.evals.registry import DEFAULTS, Evaluators
from pilothouse.evals.reports.runs import RunReports
from pilothouse.evals.runs.prepare import Prepared, created, prepare
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.suite import suite_of
from pilothouse.ids import now_us
from pilothouse.principal import Principal
from pilothouse.settings import Settings
from pilothouse.storage import Jobs
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.types import Json

__all__ = ["TASK", "routes", "run_json"]

TASK = "evals.run"
_ATTEMPTS = 5  # a server that stops gives its job back, and the run goes on where it stood
_Limit = Annotated[int, Query(ge=1, le=500)]
RoomsOf = Callable[[str, Principal], Rooms]


class _NewRun(Strict):
    """`suite` is what a suite's file says; its cases are those of a dataset."""

    suite: Json
    name: str | None = None
    metadata: Annotated[dict[str, str], Field(default_factory=dict, max_length=64)]
    fresh: bool = False


def routes(rooms_of: RoomsOf, jobs: Jobs, settings: Settings) -> APIRouter:
    """The routes over the runs of an installation, worked on by `jobs`."""
    router = APIRouter(prefix="/api/evals", tags=["evals"])
    _evaluators(router)
    _listing(router, rooms_of)
    _reading(router, rooms_of)
    _working(router, rooms_of, jobs, settings)
    _ending(router, rooms_of)
    return router


def _evaluators(router: APIRouter) -> None:
    @router.get("/evaluators")
    def list_evaluators() -> list[Json]:
        """Every evaluator: what it needs, its options, and the dimension that it speaks for by default."""
        known, speaks = Evaluators(), {name: dimension for dimension, name in DEFAULTS.items()}
        return [_evaluator(name, known, speaks.get(name)) for name in known.names()]


def _listing(router: APIRouter, rooms_of: RoomsOf) -> None:
    @router.get("/runs")
    def list_runs(
        project: InProject, principal: Caller, suite: str | None = None, name: str | None = None,
        dataset: Annotated[str | None, Query(description="The id of a dataset.")] = None,
        before: Annotated[str | None, Query(description="`next` of the page before.")] = None, limit: _Limit = 50,
    ) -> Json:  # fmt: skip
        """The newest first. Hand `next` back as `before`."""
        runs = rooms_of(project, principal).runs
        page = runs.list(project, suite=suite, name=name, dataset_id=dataset, before=before, limit=limit)
        return {"data": [run_json(run) for run in page.runs], "next": page.next}

    @router.get("/runs/{run}")
    def get_run(run: str, project: InProject, principal: Caller) -> Json:
        """A run by its id, or the newest of that name: how far it is, and once it is over its figures and gates."""
        return run_json(rooms_of(project, principal).runs.get(project, run))

    @router.get("/runs/{run}/report")
    def get_report(run: str, project: InProject, principal: Caller) -> Json:
        """All there is to say of a run as it is now: figures, gates, the comparison with its baseline."""
        rooms = rooms_of(project, principal)
        return RunReports(rooms.runs, rooms.objections).told(project, rooms.runs.get(project, run)).to_json()


def _reading(router: APIRouter, rooms_of: RoomsOf) -> None:
    @router.get("/runs/{run}/outcomes")
    def list_outcomes(
        run: str, project: InProject, principal: Caller, evaluator: str | None = None,
        failing: Annotated[bool, Query(description="Those that failed, or that somebody could not judge.")] = False,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None, limit: _Limit = 100,
    ) -> Json:  # fmt: skip
        """What came of each case, by its id and trial, with the verdicts. Hand `next` back as `after`."""
        runs = rooms_of(project, principal).runs
        page = runs.outcomes(project, runs.get(project, run).id, after, limit, evaluator, failing)
        return {"data": msgspec.to_builtins(page.outcomes), "next": page.next}

    @router.get("/runs/{run}/outcome")
    def get_outcome(
        run: str, case: str, project: InProject, principal: Caller,
        trial: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    ) -> Json:  # fmt: skip
        """What came of one case."""
        runs = rooms_of(project, principal).runs
        found: Json = msgspec.to_builtins(runs.outcome(project, runs.get(project, run).id, case, trial))
        return found


def _working(router: APIRouter, rooms_of: RoomsOf, jobs: Jobs, settings: Settings) -> None:
    def begun(run: Run, project: str, principal: Principal) -> Json:
        config = str(settings.config.absolute()) if settings.config.exists() else None
        payload = {
            "home": str(settings.home.absolute()), "config": config, "project": project, "run": run.id,
            "key_id": "" if principal.everywhere else principal.key_id,
        }  # fmt: skip
        job = jobs.enqueue(TASK, payload, project_id=project, max_attempts=_ATTEMPTS)
        return {"run": run_json(run), "job": job.to_json()}

    @router.post("/runs", status_code=202)
    async def start_run(body: _NewRun, project: InProject, principal: Caller) -> Json:
        """Run a suite over a dataset, with the caller's limits, budgets and policy. What is wrong with it is told at
        once; follow the rest at `/api/jobs/{id}` or at the run. A Python function is run by the command line alone."""
        written = suite_of(body.suite)
        if written.suite.task.python is not None:
            raise written.wrong(("task", "python"), "a server runs nobody's functions: use the command line or Python.")
        rooms = rooms_of(project, principal)
        prepared = await asyncio.to_thread(_prepared, rooms, asyncio.get_running_loop(), project, written, body.fresh)
        run = await asyncio.to_thread(created, rooms.runs, project, prepared, body.name, body.metadata)
        return await asyncio.to_thread(begun, run, project, principal)

    @router.post("/runs/{run}/resume", status_code=202)
    def resume_run(run: str, project: InProject, principal: Caller) -> Json:
        """Go on with a run that was stopped, failed or cancelled: what is done is kept, what was answered is not asked
        again. 409 where it runs, or was made by another program."""
        runs = rooms_of(project, principal).runs
        found = runs.get(project, run)
        if "in_process" not in found.plan or found.plan["in_process"]:
            raise Conflict(f"The run '{found.name}' was made by another program: it goes on there alone.")
        if found.plan["suite"]["task"].get("python") or found.plan.get("folder"):
            raise Conflict("A suite in a file goes on where the file is: pilothouse evals resume.")
        if found.status == "running" and (found.lease_until_us is None or found.lease_until_us > now_us()):
            raise Conflict(f"The run '{found.name}' is running.")
        return begun(runs.update(project, found.id, status="running", error=None, ended_us=None), project, principal)


def _ending(router: APIRouter, rooms_of: RoomsOf) -> None:
    @router.post("/runs/{run}/cancel")
    def cancel_run(run: str, project: InProject, principal: Caller) -> Json:
        """Ask whoever works on it to stop; what is done is kept. A run that is over stays as it is."""
        runs = rooms_of(project, principal).runs
        return run_json(runs.cancel(project, runs.get(project, run).id))

    @router.delete("/runs/{run}", status_code=204)
    def delete_run(run: str, project: InProject, principal: Caller) -> None:
        """Delete a run by its id, with all that it found. The answers that it paid for stay."""
        rooms_of(project, principal).runs.delete(project, run)


def run_json(run: Run) -> Json:
    """A run as JSON; `cost_usd` is None where it is not known."""
    told: Json = msgspec.to_builtins(run)
    for inner in ("holder", "lease_until_us", "cost_nano"):
        del told[inner]
    return {**told, "cost_usd": None if run.cost_nano is None else run.cost_nano / 1e9}


def _prepared(
    rooms: Rooms, loop: asyncio.AbstractEventLoop, project: str, written: Any, fresh: bool
) -> Prepared:  # fmt: skip
    """Prepare off the server's loop, which alone may ask what a model's name stands for."""

    async def fingerprint(model: str) -> str:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_named(rooms, model), loop))

    return asyncio.run(prepare(replace(rooms, fingerprint=fingerprint), project, written, fresh=fresh))


async def _named(rooms: Rooms, model: str) -> str:
    return await rooms.fingerprint(model)


def _evaluator(name: str, known: Evaluators, dimension: str | None) -> Json:
    kind: Any = known.kind(name)
    options = {
        field: {"required": spec.default is spec.default_factory, "type": str(spec.type)}
        for field, spec in kind.__dataclass_fields__.items() if spec.init and field != "name"
    }  # fmt: skip
    about = " ".join((kind.__doc__ or "").split())
    return {
        "name": name, "needs": sorted(kind.needs), "lower_is_better": kind.lower_is_better, "default_for": dimension,
        "about": about, "options": options,
    }  # fmt: skip
