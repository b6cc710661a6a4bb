"""`/api/replay`: recorded traffic through another configuration, as a job. The body is that configuration."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request

from pilothouse.api.lifecycle.config import BODIES, read_body
from pilothouse.ids import now_us
from pilothouse.lifecycle.live import LiveConfig
from pilothouse.lifecycle.replay_job import TASK, ReplayOrder
from pilothouse.settings import Settings
from pilothouse.storage import Jobs
from pilothouse.storage.configs import hidden
from pilothouse.types import Json

__all__ = ["routes"]

_WEEK_US = 7 * 86_400_000_000
_LATEST_US = 2**62


def routes(live: LiveConfig, jobs: Jobs, settings: Settings) -> APIRouter:
    """The route over this installation's traffic."""
    router = APIRouter(prefix="/api/replay", tags=["config"])

    @router.post("", openapi_extra=BODIES)
    async def replay(
        request: Request,
        since_us: Annotated[int | None, Query(ge=0, le=_LATEST_US, description="Seven days ago if left out.")] = None,
        until_us: Annotated[int | None, Query(ge=0, le=_LATEST_US, description="Now if left out.")] = None,
        limit: Annotated[int | None, Query(ge=1, le=10_000_000, description="Only the newest so many traces.")] = None,
        semantic: Annotated[bool, Query(description="Also its semantic caches.")] = False,
    ) -> Json:
        """Start a replay of the recorded calls. Follow it at `/api/jobs/{id}`; its `result` is the report."""
        config = await read_body(request, live.snapshot.config)
        until = now_us() if until_us is None else until_us
        since = until - _WEEK_US if since_us is None else since_us
        order = ReplayOrder(since_us=max(0, since), until_us=until, limit=limit, semantic=semantic)
        payload = {"home": str(settings.home.absolute()), "config": hidden(config), "order": order.model_dump()}
        return (await asyncio.to_thread(jobs.enqueue, TASK, payload, max_attempts=1)).to_json()

    return router
