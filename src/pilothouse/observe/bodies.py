"""Inputs and outputs of spans, as they are kept. Knows nothing of the spans themselves, but for the days of bodies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from pilothouse.observe.asked import question
from pilothouse.observe.depth import shallow
from pilothouse.storage.database import Store
from pilothouse.storage.keyring import SealedAway
from pilothouse.storage.payloads import Packer
from pilothouse.storage.span_days import of_trace, within
from pilothouse.storage.statements import among
from pilothouse.storage.tables import spans
from pilothouse.types import Json

__all__ = ["Days", "bodies_at", "bodies_of", "body_of", "days_of", "previews", "roots_of"]

LARGEST_PREVIEWED = 64 * 1024
Days = dict[int | None, list[tuple[str, str]]]
"""Places (trace, span) by the day on which their bodies came."""
_C = spans.c
_NEVER = -1


def bodies_of(
    connection: Connection, store: Store, project: str, trace_id: str, came: Mapping[str, int | None]
) -> dict[str, Json]:
    """`{"input": ..., "output": ...}` of those spans of a trace that have any, by span id; `came` are the days of their
    rows. What cannot be read says so."""
    return {
        span: _unpacked(store.packer, body, project, trace, span)
        for day in set(came.values())
        for trace, span, body in store.payloads.read(connection, day, project, [trace_id])
        if came.get(span, _NEVER) == day  # what a span held before it was revised may be there still
    }


def body_of(connection: Connection, store: Store, project: str, trace_id: str, span_id: str) -> Json:
    """The same of one span; empty where nothing was kept."""
    query = select(_C.payload_day).where(of_trace(connection, project, trace_id), _C.id == span_id)
    day = connection.scalar(query)
    for _, _, body in store.payloads.read(connection, day, project, [trace_id], [span_id]):
        return _unpacked(store.packer, body, project, trace_id, span_id)
    return {}


def previews(connection: Connection, store: Store, project: str, roots: dict[str, str]) -> dict[str, str]:
    """The beginning of what each root was asked, by trace; bodies that are large even when packed are left out."""
    bodies = roots_of(connection, store, project, roots)
    given = {trace: body.get("input") for trace, body in bodies.items()}
    asked = {trace: question(what) for trace, what in given.items() if isinstance(what, dict)}  # else it says why not
    return {trace: text for trace, text in asked.items() if text}


def roots_of(connection: Connection, store: Store, project: str, roots: dict[str, str]) -> dict[str, Json]:
    """What went in and came out of each root, by trace; bodies that are large even when packed are left out."""
    keys = [(project, *place) for place in roots.items()]
    query = select(_C.trace_id, _C.id, _C.payload_day).where(
        among(connection, (_C.project_id, _C.trace_id, _C.id), keys), within(connection, [key[:2] for key in keys])
    )
    found = {}
    for day, places in days_of(connection.execute(query)).items():
        traces, ids = [trace for trace, _ in places], [span for _, span in places]
        for trace, span, body in store.payloads.read(connection, day, project, traces, ids, LARGEST_PREVIEWED):
            if roots[trace] == span:
                found[trace] = _unpacked(store.packer, body, project, trace, span)
    return found


def bodies_at(connection: Connection, store: Store, project: str, rows: Iterable[Any]) -> dict[tuple[str, str], Any]:
    """What went in and came out, by place; rows are those of `days_of`. What cannot be read is left out."""
    bodies = {}
    for day, places in days_of(rows).items():
        traces, ids = [trace for trace, _ in places], [span for _, span in places]
        for trace, span, body in store.payloads.read(connection, day, project, traces, ids):
            with suppress(ValueError):
                bodies[trace, span] = shallow(store.packer.unpack(body, project, trace, span))
    return bodies


def days_of(rows: Iterable[Any]) -> Days:
    """Rows of trace, span and day by their day."""
    days: Days = defaultdict(list)
    for trace, span, day in rows:
        days[day].append((trace, span))
    return days


def _unpacked(packer: Packer, body: bytes, *place: str) -> Json:
    try:
        unpacked = shallow(packer.unpack(body, *place))
    except SealedAway as why:
        return {"input": f"({why})"}
    except ValueError:
        return {"input": "(the stored payload is damaged)"}
    return unpacked if isinstance(unpacked, dict) else {"input": unpacked}
