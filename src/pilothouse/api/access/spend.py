"""`/api/ledger` and `/api/budgets`: what was spent, by whom, and what is left. Money is nano-USD, days are UTC."""

import asyncio
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query

from pilothouse.access import Keys, Tenants
from pilothouse.access.budgets import Budgets, BudgetStanding
from pilothouse.access.stated import stated_purses
from pilothouse.api.caller import AnyProject, Caller, InProject, installation_only
from pilothouse.ids import now_us
from pilothouse.observe.costs.charges import EVERYWHERE, day_of, home_of
from pilothouse.observe.costs.exports import read_export
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.observe.costs.reconcile import reconcile, to_json
from pilothouse.types import Json

__all__ = ["routes"]

_EPOCH = date(1970, 1, 1)
_USUAL_DAYS = 30

_Since = Annotated[date | None, Query(description="The first day (UTC); 30 days ago where left out.")]
_Until = Annotated[date | None, Query(description="The first day no longer meant; tomorrow where left out.")]
_Account = Annotated[str, Query(description="Such as key:..., team:default/ml, project:default, org:default.")]
_Export = Annotated[bytes, Body(media_type="application/octet-stream", description="A JSON or CSV export.")]


def routes(ledger: Ledger, budgets: Budgets, tenants: Tenants, keys: Keys) -> APIRouter:
    """The routes over this ledger and these budgets."""
    router = APIRouter(prefix="/api", tags=["spend"])
    _add_reading(router, ledger)
    _add_bookkeeping(router, ledger)

    @router.get("/budgets")
    async def list_budgets(project: AnyProject) -> list[Json]:
        """Every budget with what is spent and held of it in the current period, and whether it is past `alert_at`."""
        purses = await asyncio.to_thread(lambda: list(stated_purses(tenants, keys, budgets.purses, project)))
        return [_standing(standing) for standing in await budgets.standings(purses)]

    return router


def _add_reading(router: APIRouter, ledger: Ledger) -> None:
    @router.get("/ledger")
    def list_entries(
        project: InProject,
        account: str | None = None,
        kind: Literal["call", "orphan", "adjustment"] | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: str | None = None,
    ) -> Json:
        """Single entries, newest first. Hand `next` back as `before` for the page after."""
        page = ledger.entries(
            project_id=project, account=account, kind=kind, since_day=None if since is None else _day(since),
            until_day=None if until is None else _day(until), limit=limit, before=before,
        )  # fmt: skip
        return {"data": [asdict(entry) for entry in page.entries], "next": page.next}

    @router.get("/ledger/spend")
    def spend_by_day(
        project: InProject, caller: Caller, account: _Account, since: _Since = None, until: _Until = None
    ) -> list[Json]:
        """What an account spent on each day; days without calls are left out."""
        if home_of(account, project) == EVERYWHERE:
            installation_only(caller)
        first, end = _days(since, until)
        rows = ledger.spend(account, first, end, project)
        return [{**asdict(row), "day": str(_EPOCH + timedelta(days=row.day))} for row in rows]

    @router.get("/ledger/accounts")
    def dearest_accounts(
        project: InProject,
        caller: Caller,
        since: _Since = None,
        until: _Until = None,
        prefix: Annotated[str, Query(description="Such as key: or user:")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[Json]:
        """The accounts that spent most. What stands above projects is shown to the master key alone."""
        first, end = _days(since, until)
        found = ledger.accounts(first, end, project, prefix=prefix, limit=limit, above=caller.everywhere)
        return [asdict(row) for row in found]


def _add_bookkeeping(router: APIRouter, ledger: Ledger) -> None:
    @router.post("/ledger/rebuild")
    def rebuild_balances(caller: Caller) -> Json:
        """Make the sums that budgets are held against anew from the ledger's entries."""
        installation_only(caller)
        return asdict(ledger.rebuild())

    @router.post("/ledger/reconcile")
    def reconcile_month(
        caller: Caller,
        export: _Export,
        month: Annotated[str, Query(description="Such as 2026-11.")],
        provider: Annotated[str | None, Query(description="The provider kind of the entries to compare.")] = None,
    ) -> Json:
        """Hold a month of the ledger against a vendor's usage or cost export, by day and model."""
        installation_only(caller)
        return to_json(reconcile(read_export(export), ledger, month, provider))


def _standing(s: BudgetStanding) -> Json:
    purse, today = s.purse, day_of(now_us())
    ends = purse.window(today).ends
    return {
        "account": purse.account, "project_id": purse.project_id, "period": purse.period,
        "fund": purse.fund(today).name, "ends": ends and str(ends), "limit_nano": purse.nano, "nano": s.nano,
        "held_nano": s.held_nano, "limit_tokens": purse.tokens, "tokens": s.tokens, "held_tokens": s.held_tokens,
        "alert": purse.is_soft(s.nano, s.tokens),
    }  # fmt: skip


def _days(since: date | None, until: date | None) -> tuple[int, int]:
    today = day_of(now_us())
    return today - _USUAL_DAYS if since is None else _day(since), today + 1 if until is None else _day(until)


def _day(day: date) -> int:
    return (day - _EPOCH).days
