"""What is kept how long, how much that is by day, what goes next; and deleting what is kept of a user or a trace.

All may look; deletions are for administrators. A user's id is in no address: those are written down in many places.
"""

from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.access import AuditFilters
from pilothouse.access.audit import Entry
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.console.burndown import day_bars
from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Administrator, Guest, Visitor
from pilothouse.errors import InvalidRequest
from pilothouse.lifecycle.deletions import DELETED
from pilothouse.observe.privacy.holdings import Holdings
from pilothouse.storage.payload_days import Size
from pilothouse.types import Json

__all__ = ["pages"]

_HOME = f"{ROOT}/retention"
_ROWS = 20
_DAYS = 90  # shown one by one
_LONGEST = 1000
_COUNTED = 1000


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of one project. Sizes are those of all projects: the console of the default one shows them."""
    router = APIRouter(prefix="/retention")
    held = Holdings(rooms.store)

    @router.get("")
    def page(visitor: Guest, before: str = "", done: str = "") -> Response:
        ages, days = rooms.live.snapshot.config.retention, held.days()
        shared = project == DEFAULT_PROJECT
        deletions, older = _deletions(rooms, project, visitor, before)
        return renderer.page(
            "retention.html", visitor=visitor, holdings=held.of(project, ages, days), today=held.today, done=done,
            sizes=_sizes(days, held.today, ages.payloads) if shared else None,
            records=held.records() if shared else None, deletions=deletions, before=before, older=older,
        )  # fmt: skip

    @router.post("/ask")
    def ask(visitor: Administrator, form: Sent) -> Response:
        """Asked by a form, and not by an address, for the sake of the user's id."""
        user, trace = form.raw("user").strip(), form.get("trace")
        if not (user or trace) or len(user or trace) > _LONGEST:
            raise InvalidRequest("Name the user or the trace that is to be deleted.")
        if user:
            number = rooms.deletions.traces_of(project, user, _COUNTED + 1)
            told = "no trace is" if not number else "1 trace is" if number == 1 else f"{number:,} traces are"
            told = f"more than {_COUNTED:,} traces are" if number > _COUNTED else told
            title, button = f"Delete everything of the user '{user}'?", "Delete everything of this user"
            text = (
                f"By now {told} theirs. Each trace in which they took part goes, with inputs, outputs and scores, and "
                "with what waits of it to be written. Sums by hour and day stay, but for the user's own, and so does "
                "the ledger. This cannot be undone."
            )
        else:
            title, button = f"Delete the trace '{trace}'?", "Delete this trace"
            text = "It goes with inputs, outputs and scores. Sums by hour and day stay. This cannot be undone."
        return renderer.page(
            "confirm.html", visitor=visitor, here="Retention", title=title, text=text, button=button,
            hidden={"user": quote(user), "trace": quote(trace)}, action=f"{_HOME}/delete", back=_HOME,
        )  # fmt: skip

    @router.post("/delete")
    def delete(visitor: Administrator, form: Sent) -> Response:
        user, trace = unquote(form.raw("user")), unquote(form.raw("trace"))
        if user:
            rooms.deletions.user(visitor.actor, project, user)
        else:
            rooms.deletions.trace(visitor.actor, project, trace)
        return RedirectResponse(f"{_HOME}?done=erased", 303)

    return router


def _sizes(days: list[Size], today: int, kept: int) -> Json:
    """The bytes of the last days, as bars and one by one, and of those before them; `goes` is when, None for never."""
    shown = [size for size in days if size.day > today - _DAYS][::-1]
    first = max(min((size.day for size in shown), default=today), today - _DAYS + 1)
    rows = [(size.day, size.bytes, size.day + kept + 1 if kept else None) for size in shown]
    before = sum(size.bytes for size in days) - sum(size.bytes for size in shown)
    bars = day_bars([(size.day, size.bytes) for size in shown], min(first, today - 6), today)
    return {"total": sum(size.bytes for size in days), "rows": rows, "bars": bars, "before": before}


def _deletions(rooms: ConsoleRooms, project: str, visitor: Visitor, before: str) -> tuple[list[Any], str | None]:
    """The newest deletions that the log knows, each with what it was of and how much; and where it goes on."""
    if not visitor.may("administer"):
        return [], None
    found = rooms.audit.list(project, filters=AuditFilters(action=DELETED), limit=_ROWS + 1, before=before or None)
    older = f"{_HOME}?{urlencode({'before': found[_ROWS - 1].id})}#deletions" if len(found) > _ROWS else None
    return [(entry, *_told(entry)) for entry in found[:_ROWS]], older


def _told(entry: Entry) -> tuple[str, str, str]:
    """(kind, id, how much)"""
    kind, _, name = entry.subject.partition(":")
    counts = [(what, number) for what, number in (entry.after or {}).items() if isinstance(number, int) and number]
    told = [f"{number:,} {what.removesuffix('s') if number == 1 else what}" for what, number in counts]
    return kind, name, ", ".join(told)
