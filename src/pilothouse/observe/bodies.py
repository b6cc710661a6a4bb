"""Inputs and outputs of spans, as they are kept. Knows nothing of the spans themselves."""

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from pilothouse.observe.trace import question
from pilothouse.storage.payloads import unpack
from pilothouse.storage.tables import payloads
from pilothouse.types import Json

__all__ = ["bodies_of", "body_of", "previews"]

LARGEST_PREVIEWED = 64 * 1024
_DAMAGED = {"input": "(the stored payload is damaged)"}


def bodies_of(connection: Connection, project: str, trace_id: str) -> dict[str, Json]:
    """`{"input": ..., "output": ...}` of each span of a trace that has any, by span id."""
    c = payloads.c
    query = select(c.span_id, c.body).where(c.project_id == project, c.trace_id == trace_id)
    return {row.span_id: _unpacked(row.body) for row in connection.execute(query)}


def body_of(connection: Connection, project: str, trace_id: str, span_id: str) -> Json:
    """The same of one span; empty where nothing was kept."""
    c = payloads.c
    query = select(c.body).where(c.project_id == project, c.trace_id == trace_id, c.span_id == span_id)
    body = connection.execute(query).scalar()
    return {} if body is None else _unpacked(body)


def previews(connection: Connection, project: str, roots: dict[str, str]) -> dict[str, str]:
    """The beginning of what each root was asked, by trace; bodies that are large even when packed are left out."""
    c = payloads.c
    query = select(c.trace_id, c.span_id, c.body).where(
        c.project_id == project, c.trace_id.in_(roots), c.span_id.in_(roots.values())
    )
    query = query.where(func.length(c.body) <= LARGEST_PREVIEWED)
    bodies = {
        row.trace_id: _unpacked(row.body) for row in connection.execute(query) if roots[row.trace_id] == row.span_id
    }
    return {trace_id: asked for trace_id, body in bodies.items() if (asked := question(body.get("input")))}


def _unpacked(body: bytes) -> Json:
    try:
        unpacked = unpack(body)
    except ValueError:
        return _DAMAGED
    return unpacked if isinstance(unpacked, dict) else {"input": unpacked}
