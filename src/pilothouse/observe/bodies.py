"""Inputs and outputs of spans, as they are kept. Knows nothing of the spans themselves."""

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from pilothouse.observe.trace import question
from pilothouse.storage.keyring import SealedAway
from pilothouse.storage.payloads import Packer
from pilothouse.storage.tables import payloads
from pilothouse.types import Json

__all__ = ["bodies_of", "body_of", "previews"]

LARGEST_PREVIEWED = 64 * 1024


def bodies_of(connection: Connection, packer: Packer, project: str, trace_id: str) -> dict[str, Json]:
    """`{"input": ..., "output": ...}` of each span of a trace that has any, by span id. What cannot be read says so."""
    c = payloads.c
    query = select(c.span_id, c.body).where(c.project_id == project, c.trace_id == trace_id)
    rows = connection.execute(query)
    return {row.span_id: _unpacked(packer, row.body, project, trace_id, row.span_id) for row in rows}


def body_of(connection: Connection, packer: Packer, project: str, trace_id: str, span_id: str) -> Json:
    """The same of one span; empty where nothing was kept."""
    c = payloads.c
    query = select(c.body).where(c.project_id == project, c.trace_id == trace_id, c.span_id == span_id)
    body = connection.execute(query).scalar()
    return {} if body is None else _unpacked(packer, body, project, trace_id, span_id)


def previews(connection: Connection, packer: Packer, project: str, roots: dict[str, str]) -> dict[str, str]:
    """The beginning of what each root was asked, by trace; bodies that are large even when packed are left out."""
    c = payloads.c
    query = select(c.trace_id, c.span_id, c.body).where(
        c.project_id == project, c.trace_id.in_(roots), c.span_id.in_(roots.values())
    )
    query = query.where(func.length(c.body) <= LARGEST_PREVIEWED)
    bodies = {
        row.trace_id: _unpacked(packer, row.body, project, row.trace_id, row.span_id)
        for row in connection.execute(query)
        if roots[row.trace_id] == row.span_id
    }
    return {trace_id: asked for trace_id, body in bodies.items() if (asked := question(body.get("input")))}


def _unpacked(packer: Packer, body: bytes, *place: str) -> Json:
    try:
        unpacked = packer.unpack(body, *place)
    except SealedAway as why:
        return {"input": f"({why})"}
    except ValueError:
        return {"input": "(the stored payload is damaged)"}
    return unpacked if isinstance(unpacked, dict) else {"input": unpacked}
