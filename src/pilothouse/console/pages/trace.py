"""One trace with its waterfall, and its steps one by one. Every state of a page is in its address; nothing needs JS."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import JSONResponse, RedirectResponse, Response

from pilothouse.call import Span
from pilothouse.console.charts import ticks, waterfall
from pilothouse.console.forms import Sent
from pilothouse.console.judging import judgement
from pilothouse.console.payload import turns
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.visitor import Guest
from pilothouse.observe import Prices, Trace, Traces
from pilothouse.observe.costs.price_note import price_note
from pilothouse.observe.explain import Priced, explain
from pilothouse.observe.items import line_of
from pilothouse.observe.names import to_attributes
from pilothouse.observe.scores import Score
from pilothouse.types import Json

__all__ = ["pages"]

MOST_STEPS = 1000


def pages(traces: Traces, renderer: Renderer, project: str, prices: Prices | None = None) -> APIRouter:
    """The pages of each trace of one project. `prices` tells what costs are made of."""
    router = APIRouter(prefix="/traces/{trace_id}")
    priced = _unpriced if prices is None else partial(price_note, prices)

    @router.get("")
    def trace_page(visitor: Guest, trace_id: str, span: str = "", part: str = "", done: str = "") -> Response:
        found = traces.find(trace_id, project)
        trace = traces.get(found, project, payload=False, most=MOST_STEPS)
        shown = _chosen(traces, trace, span)
        judged = traces.judgements(found, project)
        values = _detail(trace, shown, traces.payload(found, shown.id, project), judged, priced)
        if part == "detail":
            return renderer.page("span.html", visitor=visitor, **values)
        by_span = defaultdict(list)
        for score in judged:
            by_span[score.span_id].append(score)
        return renderer.page(
            "trace.html", visitor=visitor, bars=waterfall(trace), ticks=ticks(trace), by_span=by_span, done=done,
            totals=traces.totals(found, project), **values,
        )  # fmt: skip

    @router.get("/explain")
    def explain_page(visitor: Guest, trace_id: str) -> Response:
        trace = traces.get(traces.find(trace_id, project), project, payload=False, most=MOST_STEPS)
        return renderer.page("explain.html", visitor=visitor, trace=trace, steps=explain(trace, priced))

    @router.get("/item")
    def item(trace_id: str, span: str = "") -> Response:
        """A step as an item of a dataset, to keep."""
        found = traces.find(trace_id, project)
        kept = f'attachment; filename="item-{found}.jsonl"'
        line = line_of(traces.item(found, span, project))
        return Response(line, media_type="application/jsonl", headers={"content-disposition": kept})

    @router.post("/scores")
    def judge(visitor: Guest, trace_id: str, form: Sent) -> Response:
        found = traces.find(trace_id, project)
        span = form.get("span")
        if span:
            traces.span(found, span, project)
        score = judgement(form, visitor.principal, trace=found, span=span or None)
        traces.scores.put(project, [score])
        at = urlencode({"span": form.get("shown") or span, "done": "judged"})
        return RedirectResponse(f"{ROOT}/traces/{found}?{at}#detail", 303)

    @router.get("/{span_id}.json")
    def span_payload(trace_id: str, span_id: str) -> Response:
        body = traces.payload(trace_id, span_id, project)
        return JSONResponse(body, headers={"content-disposition": 'attachment; filename="payload.json"'})

    return router


def _chosen(traces: Traces, trace: Trace, span_id: str) -> Span:
    if not span_id:
        return trace.root
    within = (span for span in trace.spans if span.id == span_id)
    return next(within, None) or traces.span(trace.trace_id, span_id, trace.project_id)


def _unpriced(_: Span) -> None:
    return None


def _detail(trace: Trace, span: Span, payload: Json, judged: Sequence[Score], priced: Priced) -> Json:
    """What the panel of one span shows."""
    usage, speaking = span.usage, span.duration_us - (span.ttft_us or 0)
    speed = usage.output_tokens * 1e6 / speaking if usage and usage.output_tokens > 1 and speaking > 0 else None
    whole = span.id == trace.root.id
    told = explain(Trace(trace.trace_id, trace.project_id, [span]), priced)
    return {
        "trace": trace,
        "span": span,
        "speed": speed if span.ttft_us is not None else None,
        "offset_us": span.start_us - trace.start_us,
        "input": turns(payload.get("input")),
        "output": turns(payload.get("output")),
        "attributes": sorted(to_attributes(span).items()),
        "reasons": told[0].reasons if told else (),
        "whole": whole,
        "judged": [one for one in judged if one.span_id == span.id or (whole and one.span_id is None)],
    }
