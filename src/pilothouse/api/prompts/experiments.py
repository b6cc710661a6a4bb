"""`/api/experiments`: splits of a label's or a model's calls over arms, what is seen of them, and what was decided."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.api.caller import By, InProject
from pilothouse.lifecycle.experiments.looking import Look
from pilothouse.lifecycle.experiments.registry import Experiments
from pilothouse.lifecycle.experiments.rooms import ExperimentRooms
from pilothouse.lifecycle.experiments.shown import experiment_json
from pilothouse.prompts.experiments.shape import Design, Status
from pilothouse.types import Json

__all__ = ["routes"]

_Reason = Annotated[str, Field(max_length=2000)]


class _Start(Strict):
    """`force`, with a reason, starts also what the gate of a protected label refuses."""

    force: bool = False
    reason: _Reason = ""


class _Stop(Strict):
    """Why, for the audit log."""

    reason: _Reason = ""


class _Decision(Strict):
    """The arm that is to go on."""

    arm: Annotated[str, Field(max_length=64)]
    reason: _Reason = ""


def routes(rooms: ExperimentRooms) -> APIRouter:
    """The routes over these rooms."""
    router = APIRouter(prefix="/api/experiments", tags=["experiments"])
    registry = rooms.registry

    @router.get("")
    def list_experiments(
        project: InProject,
        status: Status | None = None,
        before: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Json:
        """The newest first. Hand `next` back as `before`."""
        found = registry.list(project, status=status, before=_plain(before), limit=limit)
        more = found[-1].id if len(found) == limit else None
        return {"data": [experiment_json(one) for one in found], "next": more}

    @router.post("", status_code=201)
    def create_experiment(
        body: Design, project: InProject, by: By, start: Annotated[bool, Query(description="Start it, too.")] = False
    ) -> Json:
        """A draft, or with `start` one that runs. 409 where there is one of that name, or its target or layer is
        taken; the draft is kept then."""
        made = registry.create(project, body, by=by)
        return experiment_json(registry.start(project, made.id, by=by) if start else made)

    _add_looking(router, rooms)
    _add_deciding(router, rooms.registry)
    return router


def _add_looking(router: APIRouter, rooms: ExperimentRooms) -> None:
    registry = rooms.registry

    @router.get("/{experiment}")
    def get_experiment(experiment: str, project: InProject) -> Json:
        """One, by its name or id, with its newest `look`."""
        return _whole(experiment, project)

    @router.post("/{experiment}/look")
    def look(experiment: str, project: InProject) -> Json:
        """Look at it now, and decide if it is decided. A server does so every ten seconds by itself."""
        found = rooms.work.look(project, experiment)
        return _whole(found.id, project)

    @router.get("/{experiment}/looks")
    def looks(
        experiment: str,
        project: InProject,
        after_us: Annotated[int, Query(ge=0, lt=2**62)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 2000,
    ) -> Json:
        """The looks in their order: what was seen of each metric, with its interval. They lie a hundredth of the time
        since the start apart."""
        found: list[Look] = list(registry.looks(project, experiment, after_us=after_us, limit=limit))
        return {"data": [one.to_json() for one in found], "next": found[-1].at_us if len(found) == limit else None}

    def _whole(experiment: str, project: str) -> Json:
        found, newest = registry.get(project, experiment), registry.last_look(project, experiment)
        return {**experiment_json(found), "look": None if newest is None else newest.to_json()}


def _add_deciding(router: APIRouter, registry: Experiments) -> None:
    @router.post("/{experiment}/start")
    def start(experiment: str, project: InProject, by: By, body: _Start | None = None) -> Json:
        """Begin to split calls."""
        asked = body or _Start()
        return experiment_json(registry.start(project, experiment, by=by, force=asked.force, reason=asked.reason))

    @router.post("/{experiment}/stop")
    def stop(experiment: str, project: InProject, by: By, body: _Stop | None = None) -> Json:
        """End it: all calls get what they would without it."""
        return experiment_json(registry.stop(project, experiment, by=by, reason=(body or _Stop()).reason))

    @router.post("/{experiment}/decide")
    def decide(experiment: str, project: InProject, by: By, body: _Decision) -> Json:
        """End it in favour of an arm, which is rolled out."""
        return experiment_json(registry.choose(project, experiment, body.arm, by=by, reason=body.reason))


def _plain(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "")
