"""Who calls a management route, and for which project: what routes take as arguments. The middleware found it out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pilothouse.access import Actor, Tenants
from pilothouse.access.policy import project_for
from pilothouse.errors import Forbidden
from pilothouse.principal import Principal

__all__ = ["AnyProject", "By", "Caller", "InProject", "in_known_projects", "installation_only"]

_Asked = Annotated[
    str | None, Query(alias="project_id", description="The project; only the master key may name another than its own.")
]


def _caller(request: Request) -> Principal:
    return request.state.principal  # type: ignore[no-any-return]


Caller = Annotated[Principal, Depends(_caller)]
"""Whoever calls."""


def _actor(principal: Caller) -> Actor:
    return Actor.of(principal)


By = Annotated[Actor, Depends(_actor)]
"""The caller, for the audit log."""


def _project(principal: Caller, asked: _Asked = None) -> str:
    return project_for(principal, asked)


InProject = Annotated[str, Depends(_project)]
"""The project that the request names, else the key's own."""


def _projects(principal: Caller, asked: _Asked = None) -> str | None:
    return None if asked is None and principal.everywhere else project_for(principal, asked)


AnyProject = Annotated[str | None, Depends(_projects)]
"""The same, but None (every project) where the master key names none."""


def installation_only(principal: Principal) -> None:
    """Raises Forbidden for a key of one project."""
    if not principal.everywhere:
        raise Forbidden("Only the master key may do this: it concerns more than one project.")


def in_known_projects(router: APIRouter, tenants: Tenants) -> APIRouter:
    """The same routes, where the master key can change nothing in a project that does not exist: that is a 404."""

    for route in router.routes:
        if isinstance(route, Route):
            route.app = _InKnownProject(route.app, tenants)
    return router


class _InKnownProject:
    """Not a dependency: for one more, FastAPI analyses each route anew, a millisecond each whenever a server starts."""

    def __init__(self, app: ASGIApp, tenants: Tenants) -> None:
        self._app = app
        self._tenants = tenants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        asked, principal = request.query_params.get("project_id"), _caller(request)
        reads = request.method in ("GET", "HEAD")
        if asked is not None and not reads and principal.everywhere and asked != principal.project_id:
            await run_in_threadpool(self._tenants.get, "project", asked)
        await self._app(scope, receive, send)
