"""`/api/guards/rates` and `/api/guards/triggers`: how often guards trigger, what they found, whether that was right."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from msgspec import to_builtins
from pydantic import BaseModel, ConfigDict, Field

from pilothouse.api.caller import Caller, InProject
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.api.observe.stats import period_of
from pilothouse.observe.scores import Scores
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.guard_rates import guard_rates
from pilothouse.observe.triggers import Triggers
from pilothouse.storage import Store
from pilothouse.types import Json

__all__ = ["routes"]

_Us = Annotated[int | None, Query(ge=0, lt=2**53)]
_Id = Annotated[str, Field(min_length=1, max_length=200)]


class _TriggerMark(BaseModel):
    """Whether a trigger was right."""

    model_config = ConfigDict(extra="forbid")

    trace_id: _Id
    span_id: _Id
    right: bool
    comment: Annotated[str, Field(max_length=10_000)] = ""


def routes(store: Store, scores: Scores, turn: OneByOne) -> APIRouter:
    """The routes over the triggers in a store; marks are written in `turn`."""
    router = APIRouter(prefix="/api/guards", tags=["guards"])
    triggers, figures = Triggers(store, scores), Figures(store)

    @router.get("/rates")
    def rates(
        project: InProject, period: str = "7d", since_us: _Us = None, until_us: _Us = None,
        by: Literal["guard", "version"] = "guard", series: bool = False,
    ) -> Json:  # fmt: skip
        """Of each guard, or of each guard of each version of a policy: in how many requests it `looked`, `triggered`,
        and could not look (`failed`); the `rate` of triggers with its bounds of 95 %; `marked` by people, and the share
        of these that was `right`. `series` adds each hour or day."""
        asked = period_of(period, since_us, until_us, None)
        found = guard_rates(figures, asked, project, by=by, series=series)
        told = {"since_us": asked.since_us, "until_us": asked.until_us, "grain": asked.grain, "by": by}
        return {**told, "rates": [one.to_json() for one in found]}

    @router.get("/triggers")
    def recent(
        project: InProject, guard: Annotated[str | None, Query(max_length=200)] = None, before_us: _Us = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Json:  # fmt: skip
        """What guards found, the newest first, without the text; `right` is what a person said of it, null where nobody
        did. Go on with the `at_us` of the last one as `before_us`."""
        found = triggers.recent(project, limit=limit, before_us=before_us, guard=guard)
        return {"triggers": [to_builtins(one) for one in found]}

    @router.post("/triggers/mark")
    async def mark(body: _TriggerMark, caller: Caller, project: InProject) -> Json:
        """Say whether a trigger was right; said again, the last word holds. It is kept as a score of the guard's span,
        and guards are calibrated by it."""
        work = partial(
            triggers.mark, project, body.trace_id, body.span_id, body.right, author=caller.name, comment=body.comment
        )
        return dict(to_builtins(await turn.run(work)))

    return router
