"""Every budget and how it is used up: what is spent and held, and where it leads by the end of its period."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from pilothouse.access.budgets import BudgetStanding
from pilothouse.access.periods import ENDLESS
from pilothouse.access.purses import Purse, purses_of
from pilothouse.access.stated import stated_purses
from pilothouse.console.burndown import BurnDown, DayBar, burn_down, day_bars
from pilothouse.console.gauges import Gauge, gauges
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Guest, Visitor
from pilothouse.ids import now_us
from pilothouse.observe.costs.charges import day_of
from pilothouse.observe.costs.ledger import DaySpend

__all__ = ["pages"]

_CHARTS = 24
"""Budgets that are drawn, those with least room first; the next are rows of a table."""

_ROWS = 200

_LOOK_BACK = 14  # days: of a day's budget, and for the mean of a projection
_TOTAL_DAYS = 90  # days that are drawn of a budget for good
_EVERY_KEY = 100_000
_KINDS = {"": "Every kind", "project": "Projects", "team": "Teams", "key": "Keys", "model": "Models",
          "deployment": "Deployments", "org": "Organisations"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """A budget on the page. `address` is of the page of whom it belongs to, where there is one."""

    standing: BudgetStanding
    gauges: list[Gauge]
    title: str
    address: str | None
    ends: date | None
    days_left: int | None
    chart: BurnDown | None = None
    bars: list[DayBar] | None = None

    @property
    def fullness(self) -> float:
        return self.gauges[0].fullness

    @property
    def alert(self) -> bool:
        return self.standing.purse.is_soft(self.standing.nano, self.standing.tokens)


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the budgets that a visitor of one project sees."""
    router = APIRouter(prefix="/budgets")

    @router.get("")
    async def list_page(visitor: Guest, kind: str = "", account: str = "") -> Response:
        def wanted(purse: Purse) -> bool:
            return account in ("", purse.account) and purse.account.startswith(f"{kind}:" if kind else "")

        purses, names = await asyncio.to_thread(_read, rooms, project, visitor)
        rows = [_row(s, names, visitor) for s in await rooms.budgets.standings([p for p in purses if wanted(p)])]
        rows.sort(key=lambda row: -row.fullness)
        drawn = await asyncio.to_thread(lambda: [_drawn(rooms, row, project) for row in rows[:_CHARTS]])
        return renderer.page(
            "budgets.html", visitor=visitor, drawn=drawn, others=rows[_CHARTS : _CHARTS + _ROWS], kind=kind,
            account=account, kinds=_KINDS, alerts=sum(row.alert for row in rows), any=bool(purses), number=len(rows),
        )  # fmt: skip

    return router


def _read(rooms: ConsoleRooms, project: str, visitor: Visitor) -> tuple[list[Purse], Mapping[str, str]]:
    """The purses that this visitor sees, and the names of the accounts they belong to."""
    purses = list(stated_purses(rooms.tenants, rooms.keys, rooms.budgets.purses, project))
    tenants = [*rooms.tenants.list("project"), *rooms.tenants.list("team", project)]
    if visitor.principal.everywhere:
        organisations = rooms.tenants.list("organisation")
        tenants += organisations
        for one in organisations:
            purses += purses_of(one.account, "", one.budgets)
        for own in rooms.budgets.purses.deployments.values():
            purses += own
    names = {tenant.account: tenant.name for tenant in tenants}
    names |= {f"key:{key}": name for key, name in rooms.keys.names(project, _EVERY_KEY).items()}
    return purses, names


def _row(standing: BudgetStanding, names: Mapping[str, str], visitor: Visitor) -> _Row:
    account = standing.purse.account
    kind, _, rest = account.partition(":")
    title = names.get(account) or (rest.partition("/")[2] if kind in ("model", "team") else rest) or account
    today = day_of(now_us())
    days = standing.purse.window(today)
    left = None if days.end == ENDLESS else days.end - today
    address = _address(kind, rest) if kind != "key" or visitor.may("administer") else None
    return _Row(standing, gauges(standing), title, address, days.ends, left)


def _address(kind: str, rest: str) -> str | None:
    if kind == "key":
        return f"{ROOT}/keys/{quote(rest, safe='')}"
    if kind == "team":
        return f"{ROOT}/teams/team/{quote(rest.partition('/')[2], safe='')}"
    if kind in ("project", "org"):
        return f"{ROOT}/teams/{'organisation' if kind == 'org' else kind}/{quote(rest, safe='')}"
    return f"{ROOT}/models" if kind in ("model", "deployment") else None


def _drawn(rooms: ConsoleRooms, row: _Row, project: str) -> _Row:
    """The row with its chart: a line through the period, or the days before for a day's budget."""
    purse, gauge, today = row.standing.purse, row.gauges[0], day_of(now_us())
    days = purse.window(today)
    endless = days.end == ENDLESS
    since = today - _TOTAL_DAYS if endless else min(days.first, today - _LOOK_BACK + 1)
    spent = [(d.day, _amount(d, gauge)) for d in rooms.ledger.spend(purse.account, since, today + 1, project)]
    if purse.period == "day":
        return replace(row, bars=day_bars(spent, today - _LOOK_BACK + 1, today))
    first = min((day for day, _ in spent), default=today) if endless else days.first
    before = gauge.used - sum(amount for day, amount in spent if day >= first)
    end = None if endless else days.end
    return replace(row, chart=burn_down(spent, first, end, today, gauge.limit, gauge.soft, max(0, before)))


def _amount(day: DaySpend, gauge: Gauge) -> int:
    return day.nano if gauge.unit == "usd" else day.tokens
