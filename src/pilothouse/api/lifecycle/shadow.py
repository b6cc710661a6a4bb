"""`/api/shadow`: what shadow traffic showed of each candidate."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.api.caller import InProject
from pilothouse.ids import now_us
from pilothouse.lifecycle.shadow import ShadowReports, ShadowRow

__all__ = ["routes"]

_WEEK_US = 7 * 86_400_000_000
_LATEST_US = 2**62


def routes(reports: ShadowReports) -> APIRouter:
    """The route over these reports."""
    router = APIRouter(prefix="/api/shadow", tags=["shadow"])

    @router.get("")
    def report(
        project: InProject,
        alias: str | None = None,
        since_us: Annotated[int | None, Query(ge=0, le=_LATEST_US, description="Seven days ago if left out.")] = None,
    ) -> Sequence[ShadowRow]:
        """Agreement with its interval, and the differences in cost and latency, per alias and candidate."""
        return reports.report(now_us() - _WEEK_US if since_us is None else since_us, project, alias)

    return router
