"""Golden calls: where each deployment stands and what differs, with a new baseline by a button; and what became of the
traffic that is scored."""

import asyncio

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest
from pilothouse.lifecycle.scoring.rooms import rule_states
from pilothouse.types import Json

__all__ = ["pages"]

_HOME = f"{ROOT}/evals/sentinel"
_DAYS = 7
_WORDS = {
    "agreement": "Says something else", "meaning": "Distance in meaning", "length": "Length, logarithm of the ratio",
    "refusals": "Share of refusals, apart by", "fingerprint": "Unknown system_fingerprint",
    "latency": "Time, logarithm of the ratio",
}  # fmt: skip


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The page of one project."""
    router = APIRouter(prefix="/evals")

    @router.get("/sentinel")
    def show_page(visitor: Guest, done: str = "") -> Response:
        standing, config = rooms.sentinel, rooms.live.snapshot.config.evals
        return renderer.page(
            "evals_sentinel.html", visitor=visitor, shown=standing.shown(project), words=_words, done=done,
            share=_share, rules=rule_states(rooms.store, rooms.payers, config, project, _DAYS), days=_DAYS,
        )  # fmt: skip

    @router.post("/sentinel/accept")
    async def accept(visitor: Editor, form: Sent) -> Response:
        deployment = form.raw("deployment")[:600].replace("\0", "\N{REPLACEMENT CHARACTER}")
        await asyncio.to_thread(rooms.sentinel.accept, visitor.actor, project, deployment)
        return RedirectResponse(f"{_HOME}?done=accepted", 303)

    return router


def _words(figure: str) -> str:
    return _WORDS.get(figure) or f"Score {figure.removeprefix('evaluator ')}, apart by"


def _share(one: Json, shown: Json) -> float:
    """How much of the way to an alert the evidence is, or how much of the baseline is learnt: 0 to 1."""
    if one["to_learn"]:
        return float(1 - one["to_learn"] / shown["baseline"])
    return float(min(1.0, one["evidence"] / shown["false_alarms"]))
