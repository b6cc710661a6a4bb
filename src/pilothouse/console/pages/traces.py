"""The list of traces. Every state of it is in its address; nothing needs JS."""

from statistics import median
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pilothouse.console.charts import share
from pilothouse.console.filters import FIELDS, PERIODS, STATUSES, address_of, filters_of, shown, told
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.visitor import Guest
from pilothouse.ids import now_us
from pilothouse.observe import Page, Totals, Traces
from pilothouse.types import Json

__all__ = ["pages"]

_ROWS = 50


def pages(traces: Traces, renderer: Renderer, project: str) -> APIRouter:
    """The list of the traces of one project."""
    router = APIRouter(prefix="/traces")

    @router.get("")
    def list_page(visitor: Guest, request: Request, before: str | None = None) -> Response:
        address, query = address_of(request.query_params), request.query_params
        if any(name in FIELDS and name not in address for name in query) or not all(query.values()):
            return RedirectResponse(_link(address), 303)  # the form sends every field; the address is for people
        page = traces.list(project, _ROWS, before or None, filters_of(address, now_us()), preview=True)
        named = {one.id: one.label for one in traces.topics.all(project)} if "topic" in address else {}
        chips = [
            (label, named.get(value, value) if name == "topic" else value, _link(_without(address, name)))
            for name, label, value in told(address)
        ]
        return renderer.page(
            "traces.html", page=page, chosen=address, filtered=bool(address), before=before, summary=_summary(page),
            share=share, longest=max((row.duration_us for row in page.rows), default=0), periods=PERIODS,
            statuses=STATUSES, first=_link(address), older=_link({**address, "before": page.next or ""}),
            visitor=visitor, chips=chips, fields=FIELDS, values=shown(address),
            sample=f"{ROOT}/datasets/sample" + (f"?{urlencode(address)}" if address else ""),
        )  # fmt: skip

    return router


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
