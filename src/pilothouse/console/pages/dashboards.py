"""The dashboards: cost, latency, errors, quality, tokens, usage, topics. Every state of a page is in its address."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from pilothouse.console.boards import cost, errors, latency, quality, tokens, topics, usage
from pilothouse.console.boards.panels import Board
from pilothouse.console.boards.view import View
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Guest
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.ids import now_us
from pilothouse.observe.sums.period import Period
from pilothouse.observe.sums.slices import NARROWED

__all__ = ["pages"]

_HOME = f"{ROOT}/dashboards"
_PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days", "365d": "365 days"}
_USUAL = "7d"
_BOARDS: dict[str, tuple[str, Callable[[View], Board]]] = {
    "cost": ("Cost", lambda view: cost.board(view, _chosen(view.query.get("by", "model"), cost.BY, "by"))),
    "latency": ("Latency", latency.board),
    "errors": ("Errors", errors.board),
    "quality": ("Quality", lambda view: quality.board(view, _limit(view.query.get("below", "0.5")))),
    "tokens": ("Tokens", tokens.board),
    "usage": ("Usage", usage.board),
    "topics": ("Topics", topics.board),
}
_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_EVERY_KEY = 1000
_Day = Annotated[date | None, BeforeValidator(lambda text: text or None)]
"""A day of a form, which may be left empty."""


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the dashboards of one project."""
    router = APIRouter(prefix="/dashboards")

    @router.get("")
    def home(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{_HOME}/cost{query}", 303)

    @router.get("/{name}")
    def board_page(
        request: Request,
        visitor: Guest,
        name: str,
        period: Annotated[str, Query(max_length=20)] = _USUAL,
        since: _Day = None,
        until: _Day = None,
        against: str = "before",
    ) -> Response:
        if name not in _BOARDS:
            raise NotFound("There is no such dashboard.")
        query = {key: value for key, value in request.query_params.items() if value}
        only = {key: value for key, value in query.items() if key in NARROWED}
        if len(only) > 1:
            raise InvalidRequest("A dashboard is narrowed to one thing at a time.")
        shown = _period(period or _USUAL, since, until)
        if "user" in only:  # who is counted by day alone
            shown = replace(shown, told_by="day")
        before = shown.before() if against != "none" and shown.since_us >= _DAY_US else None
        named = _names(rooms, project)
        view = View(
            rooms.figures, rooms.topics, project, shown, before, only, query, f"{_HOME}/{name}", named,
            rooms.alerts.drifts,
        )  # fmt: skip
        board = _BOARDS[name][1](view)
        return renderer.page(
            "dashboards.html", visitor=visitor, board=board, name=name, view=view, boards=_tabs(view),
            periods=_PERIODS, period="" if since else period or _USUAL, since=since, until=until, against=against,
            dimensions=cost.BY, by=query.get("by", "model"), below=query.get("below", "0.5"), told=_told(shown),
            only=[(key, view.name(key, value), view.here(**{key: None})) for key, value in only.items()],
            kept=list(only.items()),
        )  # fmt: skip

    return router


def _period(length: str, since: date | None, until: date | None) -> Period:
    """Whole days from `since` until the end of `until` (today where left out), or the last so and so long."""
    if since is None:
        return Period.last(length, now_us())
    last = datetime.now(UTC).date() if until is None else until
    return Period((since - _EPOCH).days * _DAY_US, ((last - _EPOCH).days + 1) * _DAY_US)


def _told(period: Period) -> str:
    """The period in words, UTC."""
    first = datetime.fromtimestamp(period.steps.start * period.step_us / 1e6, UTC)
    last = datetime.fromtimestamp(period.steps.stop * period.step_us / 1e6, UTC)
    if period.grain == "day":
        last -= timedelta(days=1)
        return f"{first.day} {first:%b %Y} to {last.day} {last:%b %Y}, by day (UTC)"
    return f"{first.day} {first:%b %Y, %H:%M} to {last.day} {last:%b %Y, %H:%M}, by hour (UTC)"


def _tabs(view: View) -> list[tuple[str, str, str]]:
    """(name, title, address) of every dashboard, for the same time."""
    kept = {key: value for key, value in view.query.items() if key not in ("by", "below")}
    there = View(view.figures, view.topics, view.project, view.period, view.before, view.only, kept, "")
    return [(name, title, f"{_HOME}/{name}{there.here()}") for name, (title, _) in _BOARDS.items()]


def _names(rooms: ConsoleRooms, project: str) -> Mapping[str, Mapping[str, str]]:
    keys = rooms.keys.names(project, _EVERY_KEY)
    teams = {team.id: team.name for team in rooms.tenants.list("team", project)}
    return {"key": keys, "team": teams}


def _chosen(value: str, among: tuple[str, ...], param: str) -> str:
    if value not in among:
        raise InvalidRequest(f"'{value[:40]}' is not among: {', '.join(among)}.", param=param)
    return value


def _limit(text: str) -> float:
    try:
        limit = float(text)
    except ValueError:
        limit = float("nan")
    if not -300 <= limit <= 300:
        raise InvalidRequest(f"'{text[:40]}' is no limit of a score: say a number such as 0.5.", param="below")
    return limit
