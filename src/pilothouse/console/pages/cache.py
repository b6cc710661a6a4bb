"""What the caches answered, alias by alias; what a semantic cache in shadow mode would have; and forgetting it all."""

import asyncio
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.access.audit import PURGE
from pilothouse.cache import CacheCounts, ShadowReport
from pilothouse.cache.prefix import CachedShare
from pilothouse.config import ModelConfig
from pilothouse.console.charts import share
from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest
from pilothouse.snapshot import RESERVED

__all__ = ["pages"]

_HOME = f"{ROOT}/cache"
_KINDS = ("exact", "coalesced", "semantic")


@dataclass(frozen=True, slots=True)
class _Row:
    """An alias with a cache, or with one until lately: then `model` is None. `bars` are (kind, x, width)."""

    alias: str
    model: ModelConfig | None
    counts: CacheCounts | None
    shadow: ShadowReport | None

    @property
    def hits(self) -> int:
        return sum(getattr(self.counts, kind) for kind in _KINDS) if self.counts else 0

    @property
    def rate(self) -> float | None:
        return self.hits / self.counts.lookups if self.counts and self.counts.lookups else None

    @property
    def bars(self) -> list[tuple[str, float, float]]:
        found, x = [], 0.0
        for kind in _KINDS if self.counts else ():
            width = share(getattr(self.counts, kind), self.counts.lookups if self.counts else 1)
            found.append((kind, x, width))
            x += width
        return found


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the caches of one project."""
    router = APIRouter(prefix="/cache")

    @router.get("")
    async def list_page(visitor: Guest, purged: int | None = None) -> Response:
        config = rooms.live.snapshot.config
        counts = {count.alias: count for count in rooms.caches.counts(project)}
        cached = {n: m for n, m in config.models.items() if m.exact_cache or m.semantic_cache}
        rows = [
            _Row(alias, cached.get(alias), counts.get(alias), _report(rooms, project, alias, cached.get(alias)))
            for alias in dict.fromkeys([*cached, *counts])
        ]
        return renderer.page(
            "cache.html", visitor=visitor, rows=rows, stats=await rooms.caches.stats(), store=config.cache,
            purged=purged, prompts=_prompts(rooms), sections=rooms.caches.fragments.counts(project),
        )  # fmt: skip

    @router.get("/purge")
    def purge_page(visitor: Editor, alias: str = "", section: str = "") -> Response:
        what = f"the cached answers of '{alias}'" if alias else f"all that is cached of project '{project}'"
        if section:
            what = f"the fragments of '{section}'"
        return renderer.page(
            "confirm.html", visitor=visitor, here="Cache", title=f"Forget {what}?",
            hidden={"alias": alias, "section": section}, button="Forget them", action=f"{_HOME}/purge", back=_HOME,
            text="The next calls are answered by the models again, and fragments made anew. This cannot be undone.",
        )  # fmt: skip

    @router.post("/purge")
    async def purge(visitor: Editor, form: Sent) -> Response:
        if section := form.raw("section"):
            subject, number = f"fragments:{section}", await rooms.caches.fragments.purge(project, section)
        else:
            alias = form.raw("alias")
            subject, number = f"cache:{alias or '*'}", await rooms.caches.purge(project, alias or None)
        told = {"forgotten": number}
        note = partial(rooms.audit.note, visitor.actor, PURGE, subject, project_id=project, after=told)
        await asyncio.to_thread(note)
        return RedirectResponse(f"{_HOME}?purged={number}", 303)

    return router


def _report(rooms: ConsoleRooms, project: str, alias: str, model: ModelConfig | None) -> ShadowReport | None:
    shadow = model is not None and model.semantic_cache is not None and model.semantic_cache.shadow
    return rooms.caches.report(project, alias) if shadow else None


def _prompts(rooms: ConsoleRooms) -> list[CachedShare]:
    """What the providers' caches gave. Models that live in this process have none, whatever an alias calls them; nor
    is anything said of a deployment whose provider is no longer known."""
    router = rooms.router()
    named = {deployment.id: deployment.provider.name for deployment in router.deployments()}

    def elsewhere(used: CachedShare) -> bool:
        provider = named.get(used.deployment) or used.deployment.partition("/")[0]
        return provider not in RESERVED and router.has(provider)

    return [used for used in rooms.caches.prompts.report() if used.input_tokens and elsewhere(used)]
