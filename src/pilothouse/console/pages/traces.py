"""The list of traces, and one trace with its waterfall. Every state of a page is in its address; nothing needs JS."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pilothouse.call import Span
from pilothouse.console.charts import share, ticks, waterfall
from pilothouse.console.payload import turns
from pilothouse.console.render import ROOT, Renderer, moment
from pilothouse.console.visitor import Guest
from pilothouse.errors import NotFound
from pilothouse.ids import now_us
from pilothouse.observe import Filters, Page, Prices, Totals, Trace, Traces
from pilothouse.observe.explain import Reason, explain
from pilothouse.observe.money import duration, usd
from pilothouse.observe.names import to_attributes
from pilothouse.observe.price_note import price_note
from pilothouse.types import Json

__all__ = ["pages"]

_ROWS = 50
_PERIODS = {"15m": ("15 minutes", 15), "1h": ("hour", 60), "24h": ("24 hours", 24 * 60), "7d": ("7 days", 7 * 24 * 60)}
_STATUSES = ("ok", "error", "cancelled")
_MINUTE_US = 60_000_000
_NAMES = {
    "since_us": "from", "until_us": "until", "endpoint": "endpoint", "key_id": "key", "team_id": "team",
    "user_id": "user", "session_id": "session", "feature": "feature", "environment": "environment",
    "release": "release", "error_code": "error", "tag": "tag", "slower_us": "at least", "dearer_nano": "at least",
}  # fmt: skip
_NUMBERS = ("since_us", "until_us", "slower_us", "dearer_nano")


def pages(traces: Traces, renderer: Renderer, project: str, prices: Prices | None = None) -> APIRouter:
    """The routes of the traces of one project. `prices` tells what costs are made of."""
    router = APIRouter(prefix="/traces")

    @router.get("")
    def list_page(
        visitor: Guest,
        request: Request,
        text: str = "",
        model: str = "",
        status: str = "",
        period: str = "",
        before: str | None = None,
    ) -> Response:
        chosen = {"text": text, "model": model, "status": status, "period": period}
        more = _more(request)
        page = traces.list(project, _ROWS, before or None, replace(_filters(**chosen), **more), preview=True)
        address = {name: value for name, value in chosen.items() if value} | {n: str(v) for n, v in more.items()}
        chips = [(_NAMES[n], _told(n, value), n, value, _link(_without(address, n))) for n, value in more.items()]
        return renderer.page(
            "traces.html", page=page, chosen=chosen, filtered=bool(address), before=before, summary=_summary(page),
            share=share, longest=max((row.duration_us for row in page.rows), default=0), periods=_PERIODS,
            statuses=_STATUSES, first=_link(address), older=_link({**address, "before": page.next or ""}),
            visitor=visitor, more=chips,
        )  # fmt: skip

    @router.get("/{trace_id}")
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

    @router.get("/{trace_id}/{span_id}.json")
    def span_payload(trace_id: str, span_id: str) -> Response:
        body = traces.payload(trace_id, span_id, project)
        return JSONResponse(body, headers={"content-disposition": 'attachment; filename="payload.json"'})

    return router


def _filters(text: str, model: str, status: str, period: str) -> Filters:
    minutes = _PERIODS[period][1] if period in _PERIODS else None
    since = None if minutes is None else now_us() - minutes * _MINUTE_US
    return Filters(model.strip() or None, status or None, text.strip() or None, since)


def _more(request: Request) -> Json:
    """The filters that stand in the address alone: pages that lead here set them. What is no number is none."""
    found: Json = {}
    for name in _NAMES:
        value = request.query_params.get(name, "")[:300]
        if name in _NUMBERS and value.isascii() and value.isdecimal() and len(value) < 19:
            found[name] = int(value)
        elif name not in _NUMBERS and value:
            found[name] = value
    return found


def _told(name: str, value: Any) -> str:
    """The value of such a filter for people."""
    if name in ("since_us", "until_us"):
        return f"{moment(value)} UTC"
    return duration(value) if name == "slower_us" else usd(value) if name == "dearer_nano" else str(value)


def _without(address: dict[str, str], name: str) -> dict[str, str]:
    return {other: value for other, value in address.items() if other != name}


def _link(parameters: dict[str, str]) -> str:
    return f"{ROOT}/traces" + (f"?{urlencode(parameters)}" if parameters else "")


def _summary(page: Page) -> Json:
    """The figures over the rows of a page."""
    totals = [row.totals for row in page.rows]
    known = [t.cost_nano for t in totals if t.cost_nano is not None]
    cost = Totals(0, 0, 0, 0, sum(known) if known else None, all(t.cost_known for t in totals))
    return {
        "traces": len(totals),
        "errors": sum(row.status == "error" for row in page.rows),
        "median_us": round(median(row.duration_us for row in page.rows)) if page.rows else None,
        "tokens": sum(t.input_tokens + t.output_tokens for t in totals),
        "cost": cost.cost_text,
    }


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
