"""The audit log: who changed what, when and from where, with what was before and after.

For administrators, to read only.
"""

from datetime import UTC, datetime
from typing import get_args
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.responses import Response

from pilothouse.access import AuditFilters
from pilothouse.access.audit import Entry, Source
from pilothouse.console.differing import Change, changes
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Administrator

__all__ = ["pages"]

_HOME = f"{ROOT}/audit"
_ROWS = 50
_DAY_US = 24 * 3600 * 1_000_000
_TIMES = ("created_us", "expires_us", "revoked_us", "old_until_us")


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the log of one project; whoever runs the installation also sees what concerns all projects."""
    router = APIRouter(prefix="/audit")

    @router.get("")
    def list_page(
        visitor: Administrator, actor: str = "", source: str = "", action: str = "", subject: str = "", day: str = "",
        before: str = "",
    ) -> Response:  # fmt: skip
        chosen = {"actor": actor, "source": source, "action": action, "subject": subject, "day": day}
        since = _midnight(day)
        until = None if since is None else since + _DAY_US
        filters = AuditFilters(_plain(actor), _plain(source), _plain(action), _plain(subject), since, until)
        scope = None if visitor.principal.everywhere else project
        entries = rooms.audit.list(scope, filters=filters, limit=_ROWS + 1, before=_plain(before))
        shown = entries[:_ROWS]
        address = {name: value for name, value in chosen.items() if value}
        return renderer.page(
            "audit.html", visitor=visitor, chosen=chosen, sources=get_args(Source), filtered=bool(address),
            rows=[(entry, _changes(entry), _address(entry)) for entry in shown], before=before,
            first=_link(address), older=_link({**address, "before": shown[-1].id}) if len(entries) > _ROWS else None,
        )  # fmt: skip

    return router


def _plain(text: str) -> str | None:
    """A filter, where one is given."""
    return text.strip() or None


def _midnight(day: str) -> int | None:
    try:
        moment = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(0, round(moment.timestamp())) * 1_000_000


def _changes(entry: Entry) -> list[Change]:
    """What differs, with times as people read them."""
    return [
        Change(c.key, _told(c.old), _told(c.new)) if c.key in _TIMES else c
        for c in changes(entry.before, entry.after)
    ]  # fmt: skip


def _told(us: object) -> object:
    if not isinstance(us, int) or not 0 < us < 253_402_300_799_000_000:
        return us
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _address(entry: Entry) -> str | None:
    """The page of what was changed, where there is one."""
    kind, _, rest = entry.subject.partition(":")
    if kind == "key":
        return f"{ROOT}/keys/{quote(rest, safe='')}"
    if kind == "team":
        return f"{ROOT}/teams/team/{quote(rest.partition('/')[2], safe='')}"
    if kind == "snapshot" and rest.isdecimal():
        return f"{ROOT}/config/diff?to={rest}"
    return f"{ROOT}/cache" if kind == "cache" else None


def _link(parameters: dict[str, str]) -> str:
    return _HOME + (f"?{urlencode(parameters)}" if parameters else "")
