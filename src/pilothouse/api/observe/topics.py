"""`/api/topics`: what people asked about in a period."""

from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.api.caller import InProject
from pilothouse.api.observe.stats import period_of
from pilothouse.observe.topics.report import TopicReports
from pilothouse.types import Json

__all__ = ["routes"]

_LATEST_US = 2**53
_Us = Annotated[int | None, Query(ge=0, le=_LATEST_US)]
_Length = Annotated[str, Query(description="The last 24h, 7d or 4w, the hour or day under way included.")]


def routes(reports: TopicReports) -> APIRouter:
    """The route over these reports."""
    router = APIRouter(prefix="/api/topics", tags=["topics"])

    @router.get("")
    def list_topics(
        project: InProject, period: _Length = "7d", since_us: _Us = None, until_us: _Us = None
    ) -> Json:  # fmt: skip
        """Topics with their label, questions, share (with its 95 % interval), place on the map and examples, the most
        asked about first. They are found in an even sample: `questions` of the `requests`. `why` says why there are
        none. Traces of one: `GET /api/traces?topic=ID`."""
        return reports.of(period_of(period, since_us, until_us, None), project).to_json()

    return router
