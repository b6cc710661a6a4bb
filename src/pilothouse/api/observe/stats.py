"""`/api/stats`: what happened in a period: requests, failures, latency, tokens, cost, scores, drift."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from pilothouse.api.caller import InProject
from pilothouse.errors import InvalidRequest
from pilothouse.ids import now_us
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.period import Period
from pilothouse.observe.sums.slices import NARROWED
from pilothouse.observe.sums.stats import Question, answer
from pilothouse.observe.topics.drifts import Drifts
from pilothouse.storage import Store
from pilothouse.types import Json

__all__ = ["period_of", "routes"]

_LATEST_US = 2**53
_Us = Annotated[int | None, Query(ge=0, le=_LATEST_US)]
_Length = Annotated[str, Query(description="The last 24h, 7d or 4w, the hour or day under way included.")]
_By = Annotated[str | None, Query(description=f"Tell these apart: {', '.join(NARROWED)}.")]
_KNOWN = frozenset(
    ("project_id", "period", "since_us", "until_us", "grain", "by", "series", "compare", "limit", "below")
)
_NARROWING = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": "Only this one."}
        for name in NARROWED
    ]
}


def routes(store: Store) -> APIRouter:
    """The routes over the figures of this store."""
    figures, drifts = Figures(store), Drifts(store)
    router = APIRouter(prefix="/api/stats", tags=["stats"])

    @router.get("", openapi_extra=_NARROWING)
    def tell(
        request: Request,
        project: InProject,
        period: _Length = "7d",
        since_us: _Us = None,
        until_us: _Us = None,
        grain: Literal["hour", "day"] | None = None,
        by: _By = None,
        series: bool = False,
        compare: bool = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 20,
        below: Annotated[float | None, Query(ge=-300, le=300)] = None,
    ) -> Json:
        """Sums, rates and percentiles of a period (the last seven days where none is named), UTC, in nano-USD and
        microseconds. `compare` adds the period before, `series` each hour or day, `by` each value of a dimension, the
        dearest first; a dimension with a value (`model=gpt-4o`) narrows it. Requests belong to no model or deployment:
        theirs are the calls. Two dimensions together are kept of model, prompt, key and feature, and count calls.
        `below` adds to each score the share of those lower than it, with the bounds of 95 %."""
        only = {name: value for name, value in request.query_params.items() if name not in _KNOWN}
        asked = period_of(period, since_us, until_us, grain)
        return answer(figures, Question(asked, project, by or None, only, series, compare, limit, below))

    @router.get("/drift")
    def drift(project: InProject, days: Annotated[int, Query(ge=1, le=3660)] = 30) -> Json:
        """How far each ended day was from the days before it, the newest first: the questions (`input`), and what came
        out (`output`): tokens written, latency, how requests ended, each score. `effect` is in standard deviations for
        inputs and a population stability index for outputs, `furthest` what ordinary days reach, `p` how often chance
        alone gives as much. Days with too few samples are left out."""
        return {"project_id": project, "days": [one.to_json() for one in drifts.last(project, days)]}

    return router


def period_of(length: str, since_us: int | None, until_us: int | None, grain: Literal["hour", "day"] | None) -> Period:
    """From `since_us` until `until_us` (now), else the last so and so long. Raises InvalidRequest."""
    if since_us is None:
        if until_us is not None:
            raise InvalidRequest("`until_us` needs a `since_us`.", param="since_us")
        return Period.last(length, now_us(), grain)
    return Period(since_us, now_us() if until_us is None else until_us, grain)
