"""Alerts, open and past: what was noticed, who was told of it, and silences."""

import asyncio

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.alerts.rules import Rule, rules_of
from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest
from pilothouse.errors import InvalidRequest
from pilothouse.ids import now_us

__all__ = ["pages"]

_HOME = f"{ROOT}/alerts"
_ROWS = 50
_HOUR_US = 3_600_000_000
_LENGTHS = {"1": "1 hour", "4": "4 hours", "24": "1 day", "168": "1 week"}


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the alerts of one project."""
    router = APIRouter(prefix="/alerts")
    alerts = rooms.alerts

    @router.get("")
    def list_page(visitor: Guest, before: str = "", done: str = "") -> Response:
        opened = [] if before else alerts.book.list(project, "open", 500)
        past = alerts.book.list(project, "cleared", _ROWS + 1, before or None)
        shown = past[:_ROWS]
        told = alerts.outbox.about(project, [alert.id for alert in (*opened, *shown)])
        config = alerts.config()
        return renderer.page(
            "alerts.html", visitor=visitor, opened=opened, past=shown, told=told, before=before, done=done,
            older=shown[-1].id if len(past) > _ROWS else None, silences=alerts.silences.list(project),
            rules=rules_of(config), limit=_limit, channels=list(config.channels), lengths=_LENGTHS,
            enabled=config.enabled,
        )  # fmt: skip

    @router.post("/silences")
    async def silence(visitor: Editor, form: Sent) -> Response:
        hours = form.get("hours")
        if hours not in _LENGTHS:
            raise InvalidRequest(f"hours: must be one of {', '.join(_LENGTHS)}.", param="hours")
        await asyncio.to_thread(
            alerts.silences.add, visitor.actor, now_us() + int(hours) * _HOUR_US, rule=form.get("rule")[:300] or None,
            subject=form.raw("subject")[:300] or None, comment=form.get("comment")[:1000], project=project,
        )  # fmt: skip
        return RedirectResponse(f"{_HOME}?done=silenced", 303)

    @router.post("/silences/end")
    async def end(visitor: Editor, form: Sent) -> Response:
        await asyncio.to_thread(alerts.silences.end, visitor.actor, form.get("id"), project=project)
        return RedirectResponse(f"{_HOME}?done=removed", 303)

    return router


def _limit(rule: Rule, value: float) -> str:
    """A threshold as its rule reads it: seconds, a share, a share more or less than usual, spreads, an effect."""
    if rule.kind == "latency":
        return f"{value / 1e6:g} s"
    if rule.kind in ("anomaly", "drift"):
        return f"{value:g}"
    return f"{_SIGNS.get(rule.kind, '')}{value * 100:g} %"


_SIGNS = {"spend": "+", "tokens": "+", "score": "\N{MINUS SIGN}"}
