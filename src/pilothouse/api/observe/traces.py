"""`/api/traces`: what happened, as a list and one by one. Attributes carry OpenTelemetry's names."""

from dataclasses import asdict, fields
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from pilothouse.api.caller import InProject
from pilothouse.errors import InvalidRequest
from pilothouse.observe import Filters, Prices, Traces
from pilothouse.observe.costs.price_note import price_note
from pilothouse.observe.explain import explain
from pilothouse.observe.items import line_of
from pilothouse.types import Json

__all__ = ["routes"]

_Number = Annotated[int | None, Query(ge=0, le=2**62)]
_Score = Annotated[float | None, Query(allow_inf_nan=False)]
_KNOWN = frozenset((*(field.name for field in fields(Filters)), "project_id", "limit", "before"))


def _filters(
    request: Request,
    model: str | None = None,
    status: str | None = None,
    text: str | None = None,
    since_us: _Number = None,
    until_us: _Number = None,
    key_id: str | None = None,
    team_id: str | None = None,
    user_id: str | None = None,
    session_id: str | None = None,
    feature: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    endpoint: str | None = None,
    error_code: str | None = None,
    tag: str | None = None,
    slower_us: _Number = None,
    dearer_nano: _Number = None,
    prompt: str | None = None,
    score: str | None = None,
    score_least: _Score = None,
    score_most: _Score = None,
    topic: str | None = None,
) -> Filters:
    """What the address asks for. Raises InvalidRequest for a filter that there is not: it would narrow nothing."""
    given: dict[str, Any] = {name: value for name, value in locals().items() if name in _KNOWN}
    strange = sorted(set(request.query_params) - _KNOWN)
    if strange:
        told = f"'{strange[0][:80]}' is no filter of traces. There are: {', '.join(sorted(_KNOWN))}."
        raise InvalidRequest(told, param=strange[0][:80])
    if score is None and (score_least is not None or score_most is not None):
        raise InvalidRequest("`score_least` and `score_most` need a `score`: its name.", param="score")
    given |= {name: value.replace("\0", "\ufffd") for name, value in given.items() if isinstance(value, str)}
    return Filters(**given)


def routes(traces: Traces, prices: Prices) -> APIRouter:
    """The routes over these traces; `prices` say what their costs are made of."""
    router = APIRouter(prefix="/api/traces", tags=["traces"])

    @router.get("")
    def list_traces(
        project: InProject,
        filters: Annotated[Filters, Depends(_filters)],
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: str | None = None,
    ) -> Json:
        """The newest first, each with the totals of its spans. Hand `next` back as `before` for the page after. `model`
        and `prompt` may have been used anywhere in a trace, `topic` is the id or the label of one, `slower_us` and
        `dearer_nano` are what a trace has at least."""
        page = traces.list(project, limit=limit, before=before, filters=filters)
        return {"data": [asdict(row) for row in page.rows], "next": page.next}

    @router.get("/{trace}")
    def get_trace(trace: str, project: InProject, payload: bool = True) -> Json:
        """One trace with its spans. `trace` is an id, the beginning of one, or `last`."""
        return traces.get(traces.find(trace, project), project, payload=payload).to_json(payload=payload)

    @router.get("/{trace}/explain")
    def explain_trace(trace: str, project: InProject) -> Json:
        """Why it went as it did, in words, step by step: prompt, deployment, caches, guards, limits, price, outcome."""
        found = traces.get(traces.find(trace, project), project, payload=False)
        told = explain(found, lambda span: price_note(prices, span))
        return {"trace_id": found.trace_id, "steps": [asdict(step) for step in told]}

    @router.get("/{trace}/item", response_class=Response)
    def get_item(trace: str, project: InProject, span: str = "") -> Response:
        """A step, by default the one that stands for the trace, as an item for a dataset: a line of JSON with `input`,
        `output`, `scores` and `metadata`."""
        line = line_of(traces.item(traces.find(trace, project), span, project))
        return Response(line, media_type="application/jsonl")

    return router
