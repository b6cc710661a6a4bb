"""Calls of tools that wait for a person: what, why and for whom; approve or deny."""

import asyncio
import json

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Reader
from pilothouse.errors import InvalidRequest

__all__ = ["pages"]

_HOME = f"{ROOT}/approvals"
_ROWS = 50


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the approvals of one project."""
    router = APIRouter(prefix="/approvals")
    approvals = rooms.approvals

    @router.get("")
    def list_page(visitor: Reader, before: str = "", done: str = "") -> Response:
        waiting = [] if before else approvals.list(project, pending=True, limit=200)
        past = approvals.list(project, limit=_ROWS + 1, before=before or None)
        shown = [one for one in past[:_ROWS] if one.status != "pending"]
        older = past[_ROWS - 1].id if len(past) > _ROWS else None
        return renderer.page(
            "approvals.html", visitor=visitor, waiting=waiting, past=shown, pretty=_pretty, before=before, done=done,
            older=older,
        )  # fmt: skip

    @router.post("")
    async def decide(visitor: Editor, form: Sent) -> Response:
        word = form.get("word")
        if word not in ("approve", "deny"):
            raise InvalidRequest("word: must be approve or deny.", param="word")
        await asyncio.to_thread(
            approvals.decide, project, form.get("id"), visitor.principal, visitor.actor, approved=word == "approve",
            reason=form.get("reason")[:1000],
        )  # fmt: skip
        return RedirectResponse(f"{_HOME}?done={'approved' if word == 'approve' else 'denied'}", 303)

    return router


def _pretty(arguments: str) -> str:
    """The arguments for reading: all of them, since what is not seen cannot be approved."""
    return json.dumps(json.loads(arguments), indent=2, ensure_ascii=False)
