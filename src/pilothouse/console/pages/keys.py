"""Keys: the list, one key with what it spent, and the forms that make, change, rotate and revoke them.

All of it is for administrators. A secret is in the answer to the form that made it, and in no address.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.access import Key
from pilothouse.access.budgets import BudgetStanding
from pilothouse.access.loaded import MASTER
from pilothouse.access.periods import window
from pilothouse.access.purses import purses_of
from pilothouse.access.shapes import KeyChange, KeySettings, NewKey, PolicyRules
from pilothouse.config import Limits
from pilothouse.console.burndown import day_bars
from pilothouse.console.forms import Fields, Sent, expiry, limits_and_budgets, policy, shown, stated, written_time
from pilothouse.console.gauges import Gauge, fullest, gauges
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Administrator, Visitor
from pilothouse.errors import Conflict, InvalidRequest
from pilothouse.ids import content_hash, now_us
from pilothouse.observe.costs.charges import day_of
from pilothouse.principal import ROLES
from pilothouse.types import Json

__all__ = ["pages"]

_ROWS = 50
_LOOK_BACK = 30  # days
_HOME = f"{ROOT}/keys"
_OVERLAPS = ((0, "no time: it ends now"), (3600, "one hour"), (86_400, "one day"), (604_800, "one week"))


@dataclass(frozen=True, slots=True)
class _Row:
    """A key in the list. `month` is nano-USD since the month began, without its `unpriced` calls; `last` the day (UTC)
    of the last call in 30."""

    key: Key
    month: int
    last: int | None
    unpriced: int
    budget: tuple[BudgetStanding, Gauge] | None


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the keys of one project."""
    router = APIRouter(prefix="/keys")
    _add_list(router, rooms, renderer, project)
    _add_making(router, rooms, renderer, project)
    _add_one(router, rooms, renderer, project)
    _add_ending(router, rooms, renderer, project)
    return router


def _add_list(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    @router.get("")
    async def list_page(
        visitor: Administrator, team: str = "", revoked: str = "", before: str = "", done: str = ""
    ) -> Response:  # fmt: skip
        found = await asyncio.to_thread(
            rooms.keys.list, project, team_id=team or None, limit=_ROWS + 1, before=before or None,
            revoked=revoked == "yes",
        )  # fmt: skip
        keys = found[:_ROWS]
        rows = await _rows(rooms, keys)
        teams = await asyncio.to_thread(rooms.tenants.list, "team", project)
        return renderer.page(
            "keys.html", visitor=visitor, rows=rows, team=team, revoked=revoked == "yes", before=before, done=done,
            teams=teams, older=keys[-1].id if len(found) > _ROWS else None,
        )  # fmt: skip


def _add_making(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    def ask(visitor: Visitor, form: Fields, problem: str | None = None, status: int = 200) -> Response:
        teams = rooms.tenants.list("team", project)
        return renderer.page(
            "key_new.html", status, visitor=visitor, form=form, problem=problem, teams=teams, roles=ROLES
        )

    @router.get("/new")
    def new_page(visitor: Administrator, team: str = "") -> Response:
        return ask(visitor, shown(Limits(), (), PolicyRules(), role="caller", team=team))

    @router.post("")
    def create(visitor: Administrator, form: Sent) -> Response:
        try:
            made = stated(NewKey, _settings(form) | {"project_id": project})
            secret, principal = rooms.keys.create(made.name, made.role, made.settings(), by=visitor.actor)
        except InvalidRequest as error:
            return ask(visitor, form, error.message, error.status)
        key = rooms.keys.get(principal.key_id, project)
        return renderer.page("key_secret.html", visitor=visitor, key=key, secret=secret, rotated=False)


def _add_one(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    async def show(
        visitor: Visitor, key: Key, form: Fields | None = None, problem: str | None = None, status: int = 200,
        done: str = "",
    ) -> Response:  # fmt: skip
        purses = purses_of(f"key:{key.id}", key.project_id, key.budgets)
        days = await asyncio.to_thread(_days, rooms, key)
        standings = await rooms.budgets.standings(purses)
        form = form or shown(
            key.limits, key.budgets, key.policy, name=key.name, role=key.role or "", team=key.team_id or "",
            expires=written_time(key.expires_us), seen=_version(key),
        )  # fmt: skip
        return renderer.page(
            "key.html", status, visitor=visitor, key=key, form=form, problem=problem, days=days, done=done,
            budgets=[(standing, gauge) for standing in standings for gauge in gauges(standing)], roles=ROLES,
            teams=await asyncio.to_thread(rooms.tenants.list, "team", project), is_master=key.id == MASTER,
        )  # fmt: skip

    @router.get("/{key_id}")
    async def key_page(visitor: Administrator, key_id: str, done: str = "") -> Response:
        return await show(visitor, await asyncio.to_thread(rooms.keys.get, key_id, project), done=done)

    @router.post("/{key_id}")
    async def change(visitor: Administrator, key_id: str, form: Sent) -> Response:
        key = await asyncio.to_thread(rooms.keys.get, key_id, project)
        try:
            if form.get("seen") != _version(key):
                raise Conflict("Somebody changed this key meanwhile. Open the page again and apply your change to it.")
            given = _changed(key, form)
            if given:
                change = stated(KeyChange, given)
                await asyncio.to_thread(rooms.keys.update, key_id, change, project, by=visitor.actor)
        except InvalidRequest as error:
            return await show(visitor, key, form, error.message, error.status)
        return RedirectResponse(f"{_address(key_id)}?done={'changed' if given else 'unchanged'}", 303)


def _add_ending(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    @router.get("/{key_id}/rotate")
    def rotate_page(visitor: Administrator, key_id: str) -> Response:
        key = rooms.keys.get(key_id, project)
        return renderer.page(
            "confirm.html", visitor=visitor, here="Keys", title=f"Rotate the key '{key.name}'?", hidden={},
            text="It gets a new secret, which is shown once. Its id, limits and what it spent stay.", button="Rotate",
            kind="main", overlap=_OVERLAPS, action=f"{_address(key_id)}/rotate", back=_address(key_id),
        )  # fmt: skip

    @router.post("/{key_id}/rotate")
    def rotate(visitor: Administrator, key_id: str, form: Sent) -> Response:
        overlap = form.get("overlap", "0")
        if overlap not in {str(seconds) for seconds, _ in _OVERLAPS}:
            raise InvalidRequest("The overlap is none of those that the page offers.", param="overlap")
        secret, key = rooms.keys.rotate(key_id, float(overlap), project, by=visitor.actor)
        return renderer.page("key_secret.html", visitor=visitor, key=key, secret=secret, rotated=True)

    @router.get("/{key_id}/revoke")
    def revoke_page(visitor: Administrator, key_id: str) -> Response:
        key = rooms.keys.get(key_id, project)
        return renderer.page(
            "confirm.html", visitor=visitor, here="Keys", title=f"Revoke the key '{key.name}'?", hidden={},
            text="Every process refuses it from the next request on, its old secret included. This cannot be undone.",
            button="Revoke", action=f"{_address(key_id)}/revoke", back=_address(key_id),
        )  # fmt: skip

    @router.post("/{key_id}/revoke")
    def revoke(visitor: Administrator, key_id: str, form: Sent) -> Response:
        rooms.keys.revoke(key_id, project, by=visitor.actor)
        return RedirectResponse(f"{_address(key_id)}?done=revoked", 303)


async def _rows(rooms: ConsoleRooms, keys: Sequence[Key]) -> list[_Row]:
    purses = [purses_of(f"key:{key.id}", key.project_id, key.budgets) for key in keys]
    standings = iter(await rooms.budgets.standings([purse for some in purses for purse in some]))
    budgets = [fullest([next(standings) for _ in some]) for some in purses]
    spent = await asyncio.to_thread(_spent, rooms, keys)
    return [_Row(key, *spent[key.id], budget) for key, budget in zip(keys, budgets, strict=True)]


def _spent(rooms: ConsoleRooms, keys: Sequence[Key]) -> dict[str, tuple[int, int | None, int]]:
    """By key: nano-USD of this month, the day of the last call, and this month's calls of unknown price."""
    today = day_of(now_us())
    month = window("month", today).first
    found = {}
    for key in keys:
        days = rooms.ledger.spend(f"key:{key.id}", min(month, today - _LOOK_BACK), today + 1, key.project_id)
        last = max((d.day for d in days if d.calls), default=None)
        mine = [d for d in days if d.day >= month]
        found[key.id] = sum(d.nano for d in mine), last, sum(d.unpriced for d in mine)
    return found


def _days(rooms: ConsoleRooms, key: Key) -> Json:
    """What the key spent in 30 days: bars of what each day cost, or of its calls where nothing cost anything."""
    today = day_of(now_us())
    first = today - _LOOK_BACK + 1
    days = rooms.ledger.spend(f"key:{key.id}", first, today + 1, key.project_id)
    nano, calls = sum(d.nano for d in days), sum(d.calls for d in days)
    bars = day_bars([(d.day, d.nano if nano else d.calls) for d in days], first, today)
    return {"nano": nano, "calls": calls, "unpriced": sum(d.unpriced for d in days), "bars": bars}


def _settings(form: Fields, before: Key | None = None) -> Json:
    """What the form says of a key, as plain data."""
    return {
        "name": form.get("name"), "role": form.get("role") or None, "team_id": form.get("team") or None,
        "expires_us": expiry(form, before.expires_us if before else None), "policy": policy(form),
        **limits_and_budgets(form),
    }  # fmt: skip


def _changed(key: Key, form: Fields) -> Json:
    """The settings that the form has otherwise than the key."""
    wanted = stated(KeyChange, _settings(form, key))
    current = KeySettings(
        project_id=key.project_id, team_id=key.team_id, expires_us=key.expires_us, policy=key.policy,
        limits=key.limits, budgets=list(key.budgets),
    )  # fmt: skip
    now = {"name": key.name, "role": key.role, **current.model_dump(exclude={"project_id"})}
    return {name: value for name, value in wanted.model_dump().items() if now[name] != value}


def _version(key: Key) -> str:
    return content_hash(key.to_json())


def _address(key_id: str) -> str:
    return f"{_HOME}/{quote(key_id, safe='')}"
