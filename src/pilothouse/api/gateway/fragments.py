"""`/api/cache/fragments`: reusable parts of answers, which applications look up, keep and forget."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from pilothouse.access import Audit
from pilothouse.access.audit import PURGE
from pilothouse.api.caller import By, Caller, InProject
from pilothouse.cache import Caches, Fragment
from pilothouse.cache.exact import directives_of
from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

__all__ = ["Forgotten", "routes"]

_LONGEST = 366 * 24 * 3600.0  # seconds
_Section = Annotated[
    str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$", description="Of a template.")
]
_Control = Annotated[str, Header(alias="cache-control", description="`no-store`, `no-cache` and `max-age` count.")]
S = TypeVar("S", bound=msgspec.Struct)


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    section: _Section
    inputs: Any = None
    manifest: Any = None

    def of(self, project_id: str) -> Fragment:
        return Fragment.of(project_id, self.section, self.inputs, self.manifest)


class _Made(_Asked, kw_only=True):
    value: Any
    ttl: Annotated[float, msgspec.Meta(gt=0, le=_LONGEST, description="Seconds.")] = 3600.0


@dataclass(frozen=True, slots=True)
class Found:
    """`value` and when it was kept (UTC microseconds), where it was `found`."""

    found: bool
    value: Any = None
    stored_us: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether it is `kept` now, and the `reason` if it is not."""

    kept: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many entries are gone."""

    forgotten: int


def routes(caches: Caches, audit: Audit) -> APIRouter:
    """The routes over the fragments of these caches, of the caller's project."""
    router = APIRouter(prefix="/api/cache/fragments", tags=["cache"])
    fragments = caches.fragments

    @router.post("/find", response_model=Found, openapi_extra=_body(_Asked))
    async def find(request: Request, caller: Caller, project: InProject, cache_control: _Control = "") -> Response:
        """The part made from these inputs under this manifest, where it is kept."""
        fragment = _read(await request.body(), _Asked).of(project)
        allowed = directives_of(cache_control)
        if not (allowed.read and caller.policy.cache):
            return _json(Found(False))
        kept = await fragments.find(fragment, max_age=allowed.max_age)
        return _json(Found(False) if kept is None else Found(True, msgspec.Raw(kept.value), kept.stored_us))

    @router.put("", openapi_extra=_body(_Made))
    async def keep(request: Request, caller: Caller, project: InProject, cache_control: _Control = "") -> Kept:
        """Keep a part for `ttl` seconds, in place of the one before."""
        made = _read(await request.body(), _Made)
        if not caller.policy.cache:
            return Kept(False, "This key keeps out of every cache.")
        if not directives_of(cache_control).write:
            return Kept(False, "The request's Cache-Control says no-store.")
        value = msgspec.json.encode(made.value)
        if await fragments.keep(made.of(project), value, made.ttl):
            return Kept(True)
        return Kept(False, f"It has {len(value)} bytes; up to {fragments.largest} are kept.")

    @router.post("/purge")
    async def purge(
        project: InProject, by: By, section: Annotated[str | None, Query(description="All if left out.")] = None
    ) -> Forgotten:
        """Forget the parts of a section, or of the whole project, in every process."""
        number = await fragments.purge(project, section)
        subject, told = f"fragments:{section or '*'}", {"forgotten": number}
        await asyncio.to_thread(partial(audit.note, by, PURGE, subject, project_id=project, after=told))
        return Forgotten(number)

    return router


def _read(body: bytes, shape: type[S]) -> S:
    """Raises InvalidRequest with `param` naming the field."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").lstrip(".") or None
        raise InvalidRequest(f"{what}{f' (at {param})' if param else ''}.", param=param) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}.") from None
    except RecursionError:
        raise InvalidRequest("The request body is nested too deeply.") from None


def _json(found: Found) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")


def _body(shape: type[msgspec.Struct]) -> Json:
    """The body of a request for OpenAPI."""
    _, components = msgspec.json.schema_components([shape])
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": components[shape.__name__]}}}}
