"""Experiments: the list, a form for a new one, one with its intervals over time and its decision; what ends one."""

import json
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.experimenting import ARMS, chart_of, comparisons, design_of, fields_of_design, waits_for
from pilothouse.console.forms import Fields, Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest, Visitor
from pilothouse.errors import Conflict, Forbidden, InvalidRequest, NotFound, PilothouseError, PromotionRefused
from pilothouse.ids import now_us
from pilothouse.prompts.experiments.shape import METRICS, Experiment, ModelTarget, PromptTarget, Status
from pilothouse.prompts.registry import Prompts

__all__ = ["pages"]

_HOME = f"{ROOT}/experiments"
_ROWS = 30
_LOOKS = 2000
_CHARTS = 8
_REFUSALS = (Conflict, Forbidden, InvalidRequest, NotFound)


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The pages of the experiments of one project. All may look; editors change."""
    router = APIRouter(prefix="/experiments")
    experiments = rooms.prompts.experiments.registry

    @router.get("")
    def list_page(visitor: Guest, status: str = "", before: str = "", done: str = "") -> Response:
        wanted: Status | None = next((one for one in _STATUSES if one == status), None)
        found = experiments.list(project, status=wanted, before=before or None, limit=_ROWS + 1)
        rows = [(one, experiments.last_look(project, one.id)) for one in found[:_ROWS]]
        more = f"?{urlencode({'status': wanted or '', 'before': found[_ROWS - 1].id})}" if len(found) > _ROWS else ""
        return renderer.page(
            "experiments.html", visitor=visitor, done=done, before=before, more=more, chosen=wanted or "",
            statuses=_STATUSES,
            rows=[(one, look, comparisons(one, look)[: len(one.treatments)] if look else []) for one, look in rows],
        )  # fmt: skip

    _add_new(router, rooms, renderer, project)
    _add_one(router, rooms, renderer, project)
    return router


_STATUSES: tuple[Status, ...] = ("running", "draft", "decided", "stopped")


def _add_new(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    experiments = rooms.prompts.experiments.registry

    def show(visitor: Visitor, form: Fields, problem: str = "", status: int = 200) -> Response:
        return renderer.page(
            "experiment_new.html", status, visitor=visitor, form=form, problem=problem, metrics=METRICS,
            arms=[[given.get(n, "") for given in _rows(form)] for n in range(ARMS)],
            models=sorted(rooms.router().names()),
            names=[one.name for one in rooms.prompts.prompts.list(project, limit=200).prompts],
        )  # fmt: skip

    @router.get("/new")
    def new_page(visitor: Editor, prompt: str = "", version: str = "") -> Response:
        return show(visitor, fields_of_design(prompt, version))

    @router.post("/new")
    def create(visitor: Editor, form: Sent) -> Response:
        try:
            design = design_of(form)
            if form.get("action") == "json":
                whole = json.dumps(design.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, indent=2)
                return show(visitor, form.also(**{"as": "json", "whole": whole}))
            made = experiments.create(project, design, by=visitor.actor)
        except _REFUSALS as error:
            return show(visitor, form, error.message, error.status)
        return RedirectResponse(f"{_HOME}/{made.id}?done=created", 303)


def _rows(form: Fields) -> list[dict[int, str]]:
    names = ("arm_name", "arm_version", "arm_model", "arm_weight")
    return [dict(enumerate(form.all(name))) for name in names]


def _add_one(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    experiments = rooms.prompts.experiments.registry

    def show(visitor: Visitor, reference: str, *, done: str = "", error: PilothouseError | None = None) -> Response:
        one = experiments.get(project, reference)
        looks = experiments.looks(project, one.id, limit=_LOOKS)
        newest = looks[-1] if looks else None
        told = comparisons(one, newest) if newest else []
        charts = [(item, chart_of(one, looks, item.told.metric, item.told.arm)) for item in told[:_CHARTS]]
        return renderer.page(
            "experiment.html", 200 if error is None else error.status, visitor=visitor, one=one, look=newest,
            told=told, charts=[pair for pair in charts if pair[1]], looks=len(looks), done=done,
            of_model=isinstance(one.target, ModelTarget), problem="" if error is None else error.message,
            refused=isinstance(error, PromotionRefused), total=sum(one.weights.values()),
            waits=waits_for(one, newest, now_us()) if one.status == "running" else [],
            winner=_winner(rooms.prompts.prompts, one),
        )  # fmt: skip

    @router.get("/{experiment}")
    def one_page(visitor: Guest, experiment: str, done: str = "") -> Response:
        return show(visitor, experiment, done=done)

    @router.post("/{experiment}")
    def act(visitor: Editor, experiment: str, form: Sent) -> Response:
        try:
            action, reason = form.chosen("action", ("start", "choose", "stop")), form.brief("reason")
            if action == "start":
                force = form.get("force") == "yes"
                experiments.start(project, experiment, by=visitor.actor, force=force, reason=reason)
            elif action == "choose":
                experiments.choose(project, experiment, form.get("arm"), by=visitor.actor, reason=reason)
            else:
                experiments.stop(project, experiment, by=visitor.actor, reason=reason)
        except _REFUSALS as error:
            return show(visitor, experiment, error=error)
        done = "started" if action == "start" else "stopped"
        return RedirectResponse(f"{_HOME}/{experiments.get(project, experiment).id}?done={done}", 303)


def _winner(prompts: Prompts, one: Experiment) -> int | None:
    """The version that an experiment chose and that its label does not point to yet."""
    if one.outcome is None or one.outcome.kind not in ("won", "chosen") or not isinstance(one.target, PromptTarget):
        return None
    version = one.versions.get(one.outcome.arm)
    serving = prompts.prompt(one.project_id, one.target.prompt).labels.get(one.target.label)
    return None if version == serving else version
