"""`/api/jobs`: background work, to look at and to cancel."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.storage import Job, Jobs
from pilothouse.types import Json

__all__ = ["routes", "shown"]

_INTERNAL = ("lease", "lease_until_us", "dedupe_key", "cancel_requested")


def routes(jobs: Jobs) -> APIRouter:
    """The routes over this queue."""
    router = APIRouter(prefix="/api/jobs", tags=["jobs"])

    @router.get("")
    def list_jobs(limit: Annotated[int, Query(ge=1, le=500)] = 50, before: str | None = None) -> list[Json]:
        """The newest first; `before` is the last id of the page already seen."""
        return [shown(job) for job in jobs.list(limit=limit, before=before)]

    @router.get("/{job_id}")
    def get_job(job_id: str) -> Json:
        """One job with its progress: `done` of `total`, and its `result` or `error` once finished."""
        return shown(jobs.get(job_id))

    @router.post("/{job_id}/cancel")
    def cancel_job(job_id: str) -> Json:
        """Cancel a queued job at once; a running one is asked to stop."""
        return shown(jobs.cancel(job_id))

    return router


def shown(job: Job) -> Json:
    """A job as the API gives it: without what only workers need."""
    return {name: value for name, value in asdict(job).items() if name not in _INTERNAL}
