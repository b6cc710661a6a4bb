"""`/api/config`: the configuration that serves, its history, and the ways to change it. Bodies are JSON or YAML.

Secrets are shown as `(hidden)`; sent back so, they stay what they are. Who may call at all is the door's to say.
"""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import yaml
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from pilothouse.access.audit import Actor
from pilothouse.access.secrets import demand_same_places
from pilothouse.access.shapes import Strict
from pilothouse.config import Config
from pilothouse.errors import ConfigError, Forbidden, InvalidRequest
from pilothouse.lifecycle.live import LiveConfig
from pilothouse.snapshot import Snapshot, config_of
from pilothouse.storage.configs import differences, hidden, revealed
from pilothouse.types import Json, decode_body
from pilothouse.yamlfile import YamlFile

__all__ = ["BODIES", "read_body", "routes"]

BODIES: Json = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string"}}, "application/json": {"schema": {}}},
    }
}
_Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Expected = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="The Snapshot that the change is based on.")]


class _Rollback(Strict):
    number: _Number
    expected_number: _Number | None = None


def routes(live: LiveConfig) -> APIRouter:
    """The routes over this configuration."""
    router = APIRouter(prefix="/api/config", tags=["config"])

    @router.get("", response_model=None)
    def show(as_yaml: Annotated[bool, Query(alias="yaml")] = False) -> Json | Response:
        """The Snapshot that serves here, and the `problem` that keeps a newer one from serving, if there is one."""
        if as_yaml:
            return Response(_yaml(live.snapshot.config), media_type="application/yaml")
        return {**_shown(live.snapshot), "problem": live.problem}

    @router.put("", openapi_extra=BODIES)
    async def put(request: Request, expected_number: _Expected = None) -> Json:
        """Make the body the configuration that serves. 409 when another became current since `expected_number`."""
        config = await _wanted(live, request)
        return _shown(await _put(live, config, request, expected_number))

    @router.post("/validate", openapi_extra=BODIES)
    async def validate(request: Request) -> Json:
        """Whether the body could serve here, what is wrong with it, and what it would change."""
        try:
            config = await _wanted(live, request)
            await asyncio.to_thread(live.validate, config)
        except (ConfigError, Forbidden) as error:
            return {"valid": False, "problems": error.message.splitlines(), "changes": []}
        changes = [asdict(d) for d in differences(live.snapshot.config, config)]
        return {"valid": True, "problems": [], "changes": changes}

    @router.get("/history")
    def history(
        limit: Annotated[int, Query(ge=1, le=500)] = 50, before: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None
    ) -> Json:
        """All Snapshots, the newest first. Hand `next` back as `before` for the page after."""
        rows = live.store.history(limit=limit, before=before)
        more = len(rows) == limit and rows[-1].number > 1
        return {"data": [asdict(row) for row in rows], "next": rows[-1].number if more else None}

    @router.get("/diff")
    def diff(
        old: Annotated[int, Query(alias="from", ge=0, le=2**31 - 1)],
        new: Annotated[int, Query(alias="to", ge=1, le=2**31 - 1)],
    ) -> Json:
        """What Snapshot `to` has otherwise than `from` (0 for no configuration at all)."""
        return {"from": old, "to": new, "changes": [asdict(d) for d in live.store.diff(old, new)]}

    @router.post("/rollback")
    async def rollback(request: Request, body: _Rollback) -> Json:
        """Make what an earlier Snapshot holds the next one."""
        config = (await asyncio.to_thread(live.store.read, body.number)).config
        return _shown(await _put(live, config, request, body.expected_number))

    @router.get("/{number}")
    def read(number: Annotated[int, Field(ge=1, le=2**31 - 1)]) -> Json:
        """One Snapshot."""
        return _shown(live.store.read(number))

    return router


async def _wanted(live: LiveConfig, request: Request) -> Config:
    """The configuration that the body is. Raises ConfigError, and Forbidden where its author may not have it."""
    current = live.snapshot.config
    config = await read_body(request, current)
    principal = getattr(request.state, "principal", None)
    if principal is not None:
        demand_same_places(principal, current, config)
    return config


async def _put(live: LiveConfig, config: Config, request: Request, expected: int | None) -> Snapshot:
    principal = getattr(request.state, "principal", None)
    author = "api" if principal is None else Actor.of(principal).name
    return await asyncio.to_thread(live.put, config, author=author, source="api", expected_number=expected)


async def read_body(request: Request, current: Config) -> Config:
    """The configuration that the body is. Raises InvalidRequest, or ConfigError naming keys, of YAML also lines."""
    raw = await request.body()
    kind = request.headers.get("content-type", "application/json")
    if "yaml" not in kind:
        try:
            body = decode_body(raw)
        except InvalidRequest as error:
            raise InvalidRequest(f"{error.message} YAML needs content-type: application/yaml, not {kind}.") from None
        return config_of(revealed(body, current))
    try:
        file = YamlFile(Path("body"), raw.decode())
    except UnicodeDecodeError:
        raise InvalidRequest("The request body is not UTF-8 text.") from None
    data = revealed({} if file.data is None else file.data, current)
    return config_of(data, lambda loc: f"body:{file.line(loc)}: ")


def _shown(snapshot: Snapshot) -> Json:
    return {
        "number": snapshot.number,
        "hash": snapshot.hash,
        "author": snapshot.author,
        "config": hidden(snapshot.config),
    }


def _yaml(config: Config) -> str:
    return yaml.safe_dump(hidden(config), sort_keys=False, allow_unicode=True)
