"""`/api/cache`: what the caches of a project answered, and forgetting it.

Counts are those of the process that answers, since it began; the store is everybody's where it is on disk or in Redis.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.access import Audit
from pilothouse.access.audit import PURGE
from pilothouse.api.caller import By, InProject
from pilothouse.api.gateway.fragments import Forgotten
from pilothouse.api.gateway.fragments import routes as fragment_routes
from pilothouse.cache import CacheCounts, Caches, FragmentCounts, ShadowReport

__all__ = ["CacheState", "CachedAlias", "CachedSection", "routes"]


@dataclass(frozen=True, slots=True)
class CachedAlias:
    """What became of the look-ups of an alias. `hit_rate` is the share that a cache answered. The rest is of a
    semantic cache in shadow mode: what it `would_hit`, and how many of those `compared` it had answered falsely, with
    the exact 95 % interval of that rate."""

    alias: str
    lookups: int
    exact: int
    coalesced: int
    semantic: int
    hit_rate: float | None
    would_hit: int
    compared: int
    false_hit_rate: float | None
    false_hit_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CachedSection:
    """What became of the look-ups of the fragments of a section; `stored` counts those that were kept."""

    section: str
    lookups: int
    hits: int
    stored: int
    hit_rate: float | None


@dataclass(frozen=True, slots=True)
class CacheState:
    """The store, of all projects, and the aliases and fragments of one."""

    entries: int
    bytes: int
    evictions: int
    aliases: Sequence[CachedAlias]
    fragments: Sequence[CachedSection]


def routes(caches: Caches, audit: Audit) -> APIRouter:
    """The routes over these caches."""
    router = APIRouter(prefix="/api/cache", tags=["cache"])

    @router.get("")
    async def show(project: InProject) -> CacheState:
        """Hits by alias in this process, the estimate of false hits, and what the store holds."""
        stats = await caches.stats()
        aliases = [_alias(counts, caches.report(project, counts.alias)) for counts in caches.counts(project)]
        sections = [_section(counts) for counts in caches.fragments.counts(project)]
        return CacheState(stats.entries, stats.bytes, stats.evictions, aliases, sections)

    @router.post("/purge")
    async def purge(
        project: InProject, by: By, alias: Annotated[str | None, Query(description="Every alias if left out.")] = None
    ) -> Forgotten:
        """Forget the cached answers of an alias, or all that is kept of the project, its fragments too."""
        number = await caches.purge(project, alias)
        told = {"forgotten": number}
        await asyncio.to_thread(partial(audit.note, by, PURGE, f"cache:{alias or '*'}", project_id=project, after=told))
        return Forgotten(number)

    router.routes.extend(fragment_routes(caches, audit).routes)
    return router


def _alias(counts: CacheCounts, shadow: ShadowReport) -> CachedAlias:
    hits = counts.exact + counts.coalesced + counts.semantic
    return CachedAlias(
        counts.alias, counts.lookups, counts.exact, counts.coalesced, counts.semantic,
        hits / counts.lookups if counts.lookups else None, shadow.would_hit, shadow.compared, shadow.false_hit_rate,
        shadow.false_hit_interval,
    )  # fmt: skip


def _section(counts: FragmentCounts) -> CachedSection:
    rate = counts.hits / counts.lookups if counts.lookups else None
    return CachedSection(counts.section, counts.lookups, counts.hits, counts.stored, rate)
