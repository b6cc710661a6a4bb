"""One trace with its waterfall, and its steps one by one. Every state of a page is in its address; nothing needs JS."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import JSONResponse, RedirectResponse, Response

from pilothouse.call import Span
from pilothouse.console.charts import ticks, waterfall
from pilothouse.console.filters import number
from pilothouse.console.forms import Fields, Sent
from pilothouse.console.payload import turns
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.visitor import Guest
from pilothouse.errors import InvalidRequest
from pilothouse.ids import content_hash
from pilothouse.observe import Prices, Trace, Traces
from pilothouse.observe.explain import Priced, explain
from pilothouse.observe.items import line_of
from pilothouse.observe.names import to_attributes
from pilothouse.observe.price_note import price_note
from pilothouse.observe.scores import Score
from pilothouse.types import Json

__all__ = ["pages"]

MOST_STEPS = 1000
_LONGEST_NAME, _LONGEST_LABEL, _LONGEST_COMMENT = 200, 500, 10_000


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
        who = visitor.principal.name or visitor.principal.key_id
        traces.scores.put(project, [_score(found, span or None, form, who)])
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


def _score(trace_id: str, span_id: str | None, form: Fields, who: str) -> Score:
    """What a form judges. One person has one voice: the same again replaces the former. Raises InvalidRequest."""
    thumb, comment = form.get("thumb"), form.get("comment")
    name, text = ("feedback", "") if thumb else (form.get("name"), form.get("value"))
    if not thumb and not (name and text):
        raise InvalidRequest("A score needs a name and a value.")
    if thumb not in ("", "up", "down") or len(name) > _LONGEST_NAME or len(comment) > _LONGEST_COMMENT:
        raise InvalidRequest("The name or the comment is too long, or the thumb neither up nor down.")
    value = float(thumb == "up") if thumb else number(text)
    kind = "boolean" if thumb else "categorical" if value is None else "numeric"
    return Score(
        id=f"co_{content_hash(['console', trace_id, span_id, name, who])}", trace_id=trace_id, span_id=span_id,
        name=name, kind=kind, value=value, label=text[:_LONGEST_LABEL] if value is None else None,
        comment=comment or None, source="console", author=who,
    )  # fmt: skip


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
