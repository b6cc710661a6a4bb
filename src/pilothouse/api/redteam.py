"""`/api/redteam`: attacks played against a model, a prompt or a corpus of this server, as jobs; what they showed."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.api.caller import Caller, InProject
from pilothouse.errors import ConfigError, Conflict, InvalidRequest
from pilothouse.ids import now_us
from pilothouse.principal import Principal
from pilothouse.redteam.building import Choice, attacks
from pilothouse.redteam.comparing import compare
from pilothouse.redteam.mutators import MUTATORS
from pilothouse.redteam.ordering import Order, begin, check, order_in, redteam_runs
from pilothouse.redteam.report import report_of, row_of
from pilothouse.redteam.shapes import CLASSES
from pilothouse.settings import Settings
from pilothouse.storage import Jobs
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["TASK", "routes"]

TASK = "redteam.run"
_ATTEMPTS = 5
_Name = Annotated[str, Field(min_length=1, max_length=256)]
_Names = Annotated[list[_Name], Field(default_factory=list, max_length=100)]


class _NewAttack(Strict):
    """What to play: `target` is a model or alias, `agent:MODEL`, `prompt:NAME@3` or `corpus:NAME`. Other fields are the
    options of `pilothouse redteam run`."""

    target: _Name
    name: _Name | None = None
    model: _Name | None = None
    variable: _Name | None = None
    classes: _Names
    mutators: _Names
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None
    seed: int = 0
    harmless: bool = True
    trials: Annotated[int, Field(ge=1, le=100)] = 1
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    max_cost_usd: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    max_tokens: Annotated[int, Field(ge=0, le=100_000)] = 800

    @property
    def order(self) -> Order:
        choice = Choice(
            classes=tuple(self.classes), mutators=tuple(self.mutators), limit=self.limit, seed=self.seed,
            harmless=self.harmless,
        )  # fmt: skip
        return Order(
            target=self.target, model=self.model, variable=self.variable, choice=choice, trials=self.trials,
            concurrency=self.concurrency, max_cost_usd=self.max_cost_usd, max_tokens=self.max_tokens,
        )  # fmt: skip


def routes(platform: "Platform", jobs: Jobs, settings: Settings) -> APIRouter:
    """The routes over the runs of an installation, played by `jobs`. Runs are those of evaluation: cancel and delete
    them at `/api/evals/runs`."""
    router = APIRouter(prefix="/api/redteam", tags=["redteam"])
    _playing(router, platform, jobs, settings)
    _telling(router, EvalRuns(platform.store))
    return router


def _playing(router: APIRouter, platform: "Platform", jobs: Jobs, settings: Settings) -> None:
    runs = EvalRuns(platform.store)

    def queued(run: Run, project: str, principal: Principal) -> Json:
        payload: Json = {
            "home": str(settings.home.absolute()),
            "config": str(settings.config.absolute()) if settings.config.exists() else None, "project": project,
            "run": run.id, "key_id": "" if principal.everywhere else principal.key_id,
        }  # fmt: skip
        job = jobs.enqueue(TASK, payload, project_id=project, max_attempts=_ATTEMPTS)
        return {"run": row_of(run), "job": job.to_json()}

    @router.post("/runs", status_code=202)
    async def start_run(body: _NewAttack, project: InProject, principal: Caller) -> Json:
        """Play attacks against a target of this server, with the caller's limits, budgets and policy. Addresses and
        functions are attacked from the command line alone."""
        order = body.order
        if order.made.kind in ("url", "python"):
            raise InvalidRequest(
                "A server attacks what it serves itself: a model, an agent, a prompt or a corpus. Attack addresses and "
                "functions from the command line.", param="target",
            )  # fmt: skip

        await check(platform, project, order, principal)

        def begun() -> Json:
            _, run, _ = asyncio.run(begin(platform, project, order, name=body.name, principal=principal))
            return queued(run, project, principal)

        try:
            return await asyncio.to_thread(begun)
        except ConfigError as error:
            raise InvalidRequest(error.message, param=error.param) from None

    @router.post("/runs/{run}/resume", status_code=202)
    def resume_run(run: str, project: InProject, principal: Caller) -> Json:
        """Go on with a run that was stopped, failed or cancelled: what was played is kept. 409 where it runs."""
        found = runs.get(project, run)
        if order_in(found).made.kind in ("url", "python"):
            raise Conflict("It goes on where it began: pilothouse redteam resume.")
        if found.status == "running" and not found.is_silent(now_us()):
            raise Conflict(f"The run '{found.name}' is running.")
        return queued(runs.update(project, found.id, status="running", error=None, ended_us=None), project, principal)


def _telling(router: APIRouter, runs: EvalRuns) -> None:
    @router.get("/attacks")
    def list_attacks(_: InProject, seed: int = 0) -> Json:
        """The classes, the seeds of attacks without any mutator, and the mutators."""
        made = attacks(Choice(mutators=("none",), seed=seed))
        return {
            "classes": list(CLASSES), "attacks": [msgspec.to_builtins(one) for one in made],
            "mutators": [{"name": one.name, "kind": one.kind, "about": one.about} for one in MUTATORS.values()],
        }  # fmt: skip

    @router.get("/runs")
    def list_runs(
        project: InProject, before: Annotated[str | None, Query(description="The id of a run.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Json:  # fmt: skip
        """The newest first; those older than the run `before`."""
        return {"data": [row_of(run) for run in redteam_runs(runs, project, limit, before)]}

    @router.get("/runs/{run}/report")
    def get_report(run: str, project: InProject) -> Json:
        """What a run (by its id, or a name for its newest) showed until now: rates with intervals, guards, and the
        attacks that succeeded."""
        found = runs.get(project, run)
        order_in(found)
        return report_of(found, runs.each(project, found.id)).to_json()

    @router.get("/compare")
    def get_comparison(before: str, after: str, project: InProject) -> Json:
        """Two runs over the same attacks, as before and after a change of policy."""
        one, other = runs.get(project, before), runs.get(project, after)
        earlier, later = (report_of(run, runs.each(project, run.id)) for run in (one, other))
        return compare(earlier, later, runs.each(project, one.id), runs.each(project, other.id)).to_json()
