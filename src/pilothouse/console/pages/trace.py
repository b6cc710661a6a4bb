"""One trace with its waterfall, and its steps one by one. Every state of a page is in its address; nothing needs JS."""

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pilothouse.call import Span
from pilothouse.console.charts import ticks, waterfall
from pilothouse.console.payload import turns
from pilothouse.console.render import Renderer
from pilothouse.console.visitor import Guest
from pilothouse.errors import NotFound
from pilothouse.observe import Prices, Trace, Traces
from pilothouse.observe.explain import Reason, explain
from pilothouse.observe.names import to_attributes
from pilothouse.observe.price_note import price_note
from pilothouse.types import Json

__all__ = ["pages"]


def pages(traces: Traces, renderer: Renderer, project: str, prices: Prices | None = None) -> APIRouter:
    """The pages of each trace of one project. `prices` tells what costs are made of."""
    router = APIRouter(prefix="/traces/{trace_id}")

    @router.get("")
    def trace_page(visitor: Guest, trace_id: str, span: str = "", part: str = "") -> Response:
        found = traces.find(trace_id, project)
        trace = traces.get(found, project, payload=False)
        shown = _chosen(trace, span)
        values = _detail(trace, shown, traces.payload(found, shown.id, project))
        values["reasons"] = _reasons(trace, shown, prices)
        if part == "detail":
            return renderer.page("span.html", trace=trace, **values)
        bars = waterfall(trace)
        return renderer.page("trace.html", visitor=visitor, trace=trace, bars=bars, ticks=ticks(trace), **values)

    @router.get("/{span_id}.json")
    def span_payload(trace_id: str, span_id: str) -> Response:
        body = traces.payload(trace_id, span_id, project)
        return JSONResponse(body, headers={"content-disposition": 'attachment; filename="payload.json"'})

    return router


def _chosen(trace: Trace, span_id: str) -> Span:
    if not span_id:
        return trace.root
    for span in trace.spans:
        if span.id == span_id:
            return span
    raise NotFound(f"The trace has no span '{span_id[:64]}'.")


def _reasons(trace: Trace, span: Span, prices: Prices | None) -> Sequence[Reason]:
    """Why this step went as it did."""
    told = explain(
        Trace(trace.trace_id, trace.project_id, [span]), _unpriced if prices is None else partial(price_note, prices)
    )
    return told[0].reasons if told else ()


def _unpriced(span: Span) -> None:
    return None


def _detail(trace: Trace, span: Span, payload: Json) -> Json:
    """What the panel of one span shows."""
    usage, speaking = span.usage, span.duration_us - (span.ttft_us or 0)
    speed = usage.output_tokens * 1e6 / speaking if usage and usage.output_tokens > 1 and speaking > 0 else None
    return {
        "span": span,
        "speed": speed if span.ttft_us is not None else None,
        "offset_us": span.start_us - trace.start_us,
        "input": turns(payload.get("input")),
        "output": turns(payload.get("output")),
        "attributes": sorted(to_attributes(span).items()),
    }
