"""`/api/traces`: what happened, as a list and one by one. Attributes carry OpenTelemetry's names."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from pilothouse.api.caller import InProject
from pilothouse.observe import Filters, Traces
from pilothouse.observe.items import line_of
from pilothouse.types import Json

__all__ = ["routes"]

_LATEST_US = 2**62


def routes(traces: Traces) -> APIRouter:
    """The routes over these traces."""
    router = APIRouter(prefix="/api/traces", tags=["traces"])

    @router.get("")
    def list_traces(
        project: InProject,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: str | None = None,
        model: str | None = None,
        status: str | None = None,
        text: str | None = None,
        since_us: Annotated[int | None, Query(ge=0, le=_LATEST_US)] = None,
        until_us: Annotated[int | None, Query(ge=0, le=_LATEST_US)] = None,
        topic: str | None = None,
    ) -> Json:
        """The newest first, each with the totals of its spans. Hand `next` back as `before` for the page after. `topic`
        is the id or the label of one."""
        filters = Filters(model, status, text, since_us, until_us, topic=topic)
        page = traces.list(project, limit=limit, before=before, filters=filters)
        return {"data": [asdict(row) for row in page.rows], "next": page.next}

    @router.get("/{trace}")
    def get_trace(trace: str, project: InProject, payload: bool = True) -> Json:
        """One trace with its spans. `trace` is an id, the beginning of one, or `last`."""
        return traces.get(traces.find(trace, project), project, payload=payload).to_json(payload=payload)

    @router.get("/{trace}/item", response_class=Response)
    def get_item(trace: str, project: InProject, span: str = "") -> Response:
        """A step, by default the one that stands for the trace, as an item for a dataset: a line of JSON with `input`,
        `output`, `scores` and `metadata`."""
        line = line_of(traces.item(traces.find(trace, project), span, project))
        return Response(line, media_type="application/jsonl")

    return router
