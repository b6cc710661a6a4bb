"""`/api/jobs`: background work, to look at and to cancel."""

from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.api.caller import InProject
from pilothouse.storage import Jobs
from pilothouse.types import Json

__all__ = ["routes"]


def routes(jobs: Jobs) -> APIRouter:
    """The routes over this queue."""
    router = APIRouter(prefix="/api/jobs", tags=["jobs"])

    @router.get("")
    def list_jobs(
        project: InProject, limit: Annotated[int, Query(ge=1, le=500)] = 50, before: str | None = None
    ) -> list[Json]:
        """The newest first; `before` is the last id of the page already seen."""
        return [job.to_json() for job in jobs.list(project_id=project, limit=limit, before=before)]

    @router.get("/{job_id}")
    def get_job(job_id: str, project: InProject) -> Json:
        """One job with its progress: `done` of `total`, and its `result` or `error` once finished."""
        return jobs.get(job_id, project_id=project).to_json()

    @router.post("/{job_id}/cancel")
    def cancel_job(job_id: str, project: InProject) -> Json:
        """Cancel a queued job at once; a running one is asked to stop."""
        return jobs.cancel(job_id, project_id=project).to_json()

    return router
