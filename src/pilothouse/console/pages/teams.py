"""Teams, projects and organisations: what their keys may do and spend together; and the people of the project.

Whoever keeps a project keeps its teams and members. Projects and organisations are the installation's own: whom a
budget binds does not raise it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from pilothouse.access import Key
from pilothouse.access.purses import purses_of
from pilothouse.access.shapes import Slug, Subject, TeamChange, TeamSettings, TenantChange
from pilothouse.access.tenants import Kind, Tenant
from pilothouse.config import Limits
from pilothouse.console.forms import Fields, Sent, limits_and_budgets, shown, stated
from pilothouse.console.gauges import fullest
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Administrator, Guest, Visitor
from pilothouse.errors import Conflict, Forbidden, InvalidRequest
from pilothouse.ids import content_hash
from pilothouse.principal import ROLES, Role
from pilothouse.types import Json

__all__ = ["pages"]

_HOME = f"{ROOT}/teams"
_CHANGES: dict[Kind, type[TenantChange]] = {"organisation": TenantChange, "project": TenantChange, "team": TeamChange}


class _NewTenant(TeamSettings):
    id: Slug
    parent: Slug | None = None


class _Membership(BaseModel):
    subject: Subject
    role: Role | None
    team_id: Slug | None = None


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the tenants and members that a visitor of one project sees."""
    router = APIRouter(prefix="/teams")
    _add_list(router, rooms, renderer, project)
    _add_members(router, rooms, renderer, project)
    _add_making(router, rooms, renderer, project)
    _add_one(router, rooms, renderer, project)
    return router


def _add_list(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    @router.get("")
    async def list_page(visitor: Guest, done: str = "") -> Response:
        return await _list(rooms, renderer, project, visitor, done=done)


def _add_members(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    @router.post("/members")
    async def put(visitor: Administrator, form: Sent) -> Response:
        try:
            given = {
                "subject": form.get("subject"),
                "role": form.get("role") or None,
                "team_id": form.get("team") or None,
            }
            one = stated(_Membership, given)
            await asyncio.to_thread(
                rooms.members.put, project, one.subject, one.role, one.team_id, by=visitor.actor
            )  # fmt: skip
        except InvalidRequest as error:
            return await _list(rooms, renderer, project, visitor, form, error.message, error.status)
        return RedirectResponse(f"{_HOME}?done=changed", 303)

    @router.get("/members/remove")
    def remove_page(visitor: Administrator, subject: str) -> Response:
        return renderer.page(
            "confirm.html", visitor=visitor, here="Teams", title=f"Remove {subject}?", hidden={"subject": subject},
            text=f"They are let into project '{project}' no longer. Their sessions end with the next request.",
            button="Remove", action=f"{_HOME}/members/remove", back=_HOME,
        )  # fmt: skip

    @router.post("/members/remove")
    def remove(visitor: Administrator, form: Sent) -> Response:
        rooms.members.remove(project, form.raw("subject"), by=visitor.actor)
        return RedirectResponse(f"{_HOME}?done=removed", 303)


def _add_making(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    def ask(visitor: Visitor, kind: Kind, form: Fields, problem: str | None = None, status: int = 200) -> Response:
        organisations = rooms.tenants.list("organisation") if kind == "project" else ()
        return renderer.page(
            "tenant_new.html", status, visitor=visitor, kind=kind, form=form, problem=problem,
            organisations=organisations, roles=ROLES,
        )  # fmt: skip

    @router.get("/new")
    def new_page(visitor: Administrator, kind: Kind = "team") -> Response:
        _demand_keeper(visitor, kind)
        return ask(visitor, kind, shown(Limits(), ()))

    @router.post("/{kind}")
    def create(visitor: Administrator, kind: Kind, form: Sent) -> Response:
        _demand_keeper(visitor, kind)
        try:
            parent = project if kind == "team" else form.get("parent") or None
            given = {"id": form.get("id"), "parent": parent, **_settings(kind, form)}
            made = stated(_NewTenant, given)
            rooms.tenants.create(kind, made.id, made, parent=made.parent, by=visitor.actor)
        except InvalidRequest as error:
            return ask(visitor, kind, form, error.message, error.status)
        return RedirectResponse(f"{_HOME}?done=created", 303)


def _add_one(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    def find(visitor: Visitor, kind: Kind, identifier: str) -> Tenant:
        """The tenant, where this visitor may see it."""
        own = {"project": project, "organisation": visitor.principal.org_id}
        if kind != "team" and not visitor.principal.everywhere and identifier != own[kind]:
            raise Forbidden(f"This session is of project '{project}' and cannot look at {kind} '{identifier}'.")
        return rooms.tenants.get(kind, identifier, project if kind == "team" else None)

    async def show(
        visitor: Visitor, tenant: Tenant, form: Fields | None = None, problem: str | None = None, status: int = 200,
        done: str = "",
    ) -> Response:  # fmt: skip
        rows = await _with_budgets(rooms, [tenant])
        keys: Sequence[Key] = ()
        if tenant.kind == "team" and visitor.may("administer"):
            keys = await asyncio.to_thread(rooms.keys.list, project, team_id=tenant.id)
        form = form or shown(
            tenant.limits, tenant.budgets, name=tenant.name, role=tenant.role or "", seen=_version(tenant)
        )
        return renderer.page(
            "tenant.html", status, visitor=visitor, tenant=tenant, form=form, problem=problem, budget=rows[0][1],
            keeps=_keeps(visitor, tenant.kind), keys=keys, done=done, roles=ROLES,
        )  # fmt: skip

    @router.get("/{kind}/{identifier}")
    async def tenant_page(visitor: Guest, kind: Kind, identifier: str, done: str = "") -> Response:
        return await show(visitor, await asyncio.to_thread(find, visitor, kind, identifier), done=done)

    @router.post("/{kind}/{identifier}")
    async def change(visitor: Administrator, kind: Kind, identifier: str, form: Sent) -> Response:
        _demand_keeper(visitor, kind)
        tenant = await asyncio.to_thread(find, visitor, kind, identifier)
        try:
            if form.get("seen") != _version(tenant):
                raise Conflict("Somebody changed this meanwhile. Open the page again and apply your change to it.")
            given = _changed(tenant, form)
            if given:
                change = stated(_CHANGES[kind], given)
                parent = project if kind == "team" else None
                await asyncio.to_thread(
                    rooms.tenants.update, kind, identifier, change, parent=parent, by=visitor.actor
                )  # fmt: skip
        except InvalidRequest as error:
            return await show(visitor, tenant, form, error.message, error.status)
        return RedirectResponse(f"{_address(tenant)}?done={'changed' if given else 'unchanged'}", 303)

    @router.get("/team/{identifier}/delete")
    def delete_page(visitor: Administrator, identifier: str) -> Response:
        team = rooms.tenants.get("team", identifier, project)
        return renderer.page(
            "confirm.html", visitor=visitor, here="Teams", title=f"Delete the team '{team.name}'?", hidden={},
            text="Its limits and budgets end. What it spent stays in the ledger.", button="Delete",
            action=f"{_address(team)}/delete", back=_address(team),
        )  # fmt: skip

    @router.post("/team/{identifier}/delete")
    def delete(visitor: Administrator, identifier: str, form: Sent) -> Response:
        rooms.tenants.delete_team(project, identifier, by=visitor.actor)
        return RedirectResponse(f"{_HOME}?done=deleted", 303)


async def _list(
    rooms: ConsoleRooms, renderer: Renderer, project: str, visitor: Visitor, form: Fields | None = None,
    problem: str | None = None, status: int = 200, done: str = "",
) -> Response:  # fmt: skip
    who = visitor.principal

    def read() -> tuple[list[Tenant], Sequence[Any]]:
        found = [t for t in rooms.tenants.list("organisation") if who.everywhere or t.id == who.org_id]
        found += [t for t in rooms.tenants.list("project") if who.everywhere or t.id == project]
        members = rooms.members.list(project) if visitor.may("administer") else ()
        return found + list(rooms.tenants.list("team", project)), members

    tenants, members = await asyncio.to_thread(read)
    rows = await _with_budgets(rooms, tenants)
    return renderer.page(
        "teams.html", status, visitor=visitor, members=members, form=form or Fields({"role": ["viewer"]}),
        problem=problem, roles=ROLES, project=project, done=done, keeps_all=_keeps(visitor, "project"),
        groups={kind: [row for row in rows if row[0].kind == kind] for kind in ("team", "project", "organisation")},
    )  # fmt: skip


async def _with_budgets(rooms: ConsoleRooms, tenants: Sequence[Tenant]) -> list[tuple[Tenant, Any]]:
    """Each with the budget of its that has least room, or None."""
    purses = [
        purses_of(t.account, (t.parent or "") if t.kind == "team" else t.id if t.kind == "project" else "", t.budgets)
        for t in tenants
    ]
    standings = iter(await rooms.budgets.standings([purse for some in purses for purse in some]))
    return [(t, fullest([next(standings) for _ in some])) for t, some in zip(tenants, purses, strict=True)]


def _keeps(visitor: Visitor, kind: Kind) -> bool:
    return visitor.may("administer") and (kind == "team" or visitor.principal.everywhere)


def _demand_keeper(visitor: Visitor, kind: Kind) -> None:
    if not _keeps(visitor, kind):
        raise Forbidden(f"Only the master key may change this {kind}: it concerns more than this project's keepers.")


def _settings(kind: Kind, form: Fields) -> Json:
    """What the form says of a tenant, as plain data."""
    role = {"role": form.get("role") or None} if kind == "team" else {}
    return {"name": form.get("name"), **role, **limits_and_budgets(form)}


def _changed(tenant: Tenant, form: Fields) -> Json:
    wanted = stated(_CHANGES[tenant.kind], _settings(tenant.kind, form)).model_dump()
    now = TeamSettings(
        name=tenant.name or "-", limits=tenant.limits, budgets=list(tenant.budgets), role=tenant.role
    ).model_dump()  # fmt: skip
    return {name: value for name, value in wanted.items() if now[name] != value}


def _version(tenant: Tenant) -> str:
    return content_hash(tenant.to_json())


def _address(tenant: Tenant) -> str:
    return f"{_HOME}/{tenant.kind}/{quote(tenant.id, safe='')}"
