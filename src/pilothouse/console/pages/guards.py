"""The guards: which policies serve, how often each guard triggers, what it found lately, and a text to try them on."""

import asyncio
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from pilothouse.call import Call
from pilothouse.console.forms import Fields, Sent, Uploaded
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest, Visitor
from pilothouse.errors import ConfigError, InvalidRequest, PilothouseError
from pilothouse.gateway.guarding.trying import tried
from pilothouse.guarding import STAGES, Stage
from pilothouse.guards.checking import Checked
from pilothouse.guards.policy import Placed
from pilothouse.guards.streaming import hold_back
from pilothouse.ids import now_us
from pilothouse.observe.scores import Scores
from pilothouse.observe.sums.guard_rates import GuardRate, guard_rates
from pilothouse.observe.sums.period import Period
from pilothouse.observe.triggers import Triggers
from pilothouse.protocols import Conversation

__all__ = ["pages"]

_HOME = f"{ROOT}/guards"
_ROWS = 30
_LENGTH = "7d"
_HEIGHT = 20.0
_LONGEST = 100_000
_ENDPOINT = "/console/guards"


@dataclass(frozen=True, slots=True)
class _Policy:
    """A policy as it serves. `hold_back` are the characters of a stream that wait at most, None for all of them."""

    name: str
    version: str
    stages: dict[Stage, tuple[Placed, ...]]
    hold_back: int | None
    default: bool


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the guards of one project."""
    router = APIRouter(prefix="/guards")
    triggers = Triggers(rooms.store, Scores(rooms.store))

    def show(
        visitor: Visitor, form: Fields, *, guard: str = "", before: int | None = None, done: str = "",
        problem: str = "", found: Checked | None = None, status: int = 200,
    ) -> Response:  # fmt: skip
        period = Period.last(_LENGTH, now_us(), "hour")
        recent = triggers.recent(project, limit=_ROWS + 1, before_us=before, guard=guard or None)
        return renderer.page(
            "guards.html", status, visitor=visitor, policies=_policies(rooms), stages=STAGES, form=form, done=done,
            rates=guard_rates(rooms.figures, period, project, series=True), pulse=lambda rate: _pulse(rate, period),
            versions=guard_rates(rooms.figures, period, project, by="version"), recent=recent[:_ROWS], guard=guard,
            older=recent[_ROWS - 1].at_us if len(recent) > _ROWS else None, problem=problem, found=found,
        )  # fmt: skip

    @router.get("")
    def list_page(visitor: Guest, guard: str = "", before: int | None = None, done: str = "") -> Response:
        return show(visitor, Fields(), guard=guard, before=before, done=done)

    @router.post("/mark")
    async def mark(visitor: Editor, form: Sent) -> Response:
        right = form.get("right")
        if right not in ("yes", "no"):
            raise InvalidRequest("right: must be yes or no.", param="right")
        trace, span, author = form.get("trace"), form.get("span"), visitor.principal.name
        await asyncio.to_thread(triggers.mark, project, trace, span, right == "yes", author=author)
        return RedirectResponse(f"{_HOME}?done=judged#triggers", 303)

    @router.post("/try")
    async def act(visitor: Editor, form: Uploaded) -> Response:
        try:
            found = await _tried(rooms, visitor, project, form)
        except PilothouseError as error:
            return await run_in_threadpool(show, visitor, form, problem=error.message, status=error.status)
        return await run_in_threadpool(show, visitor, form, found=found)

    return router


def _policies(rooms: ConsoleRooms) -> list[_Policy]:
    served, config = rooms.gateway.runtime.guards, rooms.gateway.runtime.snapshot.config.guards
    made = []
    for name in served.names():
        policy = served.alone(name)
        stages = {stage: policy.at(stage) for stage in STAGES if policy.at(stage)}
        made.append(_Policy(name, policy.version, stages, hold_back(policy.at("output")), name in config.default))
    return made


async def _tried(rooms: ConsoleRooms, visitor: Visitor, project: str, form: Fields) -> Checked:
    stage, text = form.get("stage"), form.raw("text")
    if stage not in STAGES:
        raise InvalidRequest(f"stage: must be one of {', '.join(STAGES)}.", param="stage")
    if len(text) > _LONGEST:
        raise InvalidRequest(f"text: has more than {_LONGEST:,} characters.", param="text")
    try:
        policy = rooms.gateway.runtime.guards.named([form.raw("policy")])
    except ConfigError as error:
        raise InvalidRequest(error.message, param="policy") from None
    passages = [part for part in form.raw("passages").replace("\r\n", "\n").split("\n\n") if part.strip()]
    about = Conversation(question=form.raw("question"), passages=passages)
    call = Call(rooms.recorder, visitor.principal, project, key_id=visitor.principal.key_id, endpoint=_ENDPOINT)
    return await tried(rooms.gateway, call, policy.at(stage), text, stage, about)


def _pulse(rate: GuardRate, period: Period) -> list[tuple[int, float]]:
    """The bars of the share of triggers, hour by hour: (place, height of 20); nothing where nothing triggered."""
    step, shares = period.step_us, dict[int, float]()
    for at, (looked, triggered) in rate.series.items():
        if triggered and looked:
            shares[at // step] = triggered / looked
    highest = max(shares.values(), default=0.0)
    first = period.steps[0]
    return [(number - first, round(_HEIGHT * share / highest, 1)) for number, share in shares.items()]
