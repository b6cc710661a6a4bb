"""The spans and scores at some places, read at once. Knows nothing of where they go."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Engine

from pilothouse.call import Span
from pilothouse.exports.queue import Place
from pilothouse.observe.rows import to_span
from pilothouse.storage.span_days import within
from pilothouse.storage.statements import among
from pilothouse.storage.tables import scores, spans

__all__ = ["scores_at", "spans_at"]


def spans_at(engine: Engine, places: Sequence[Place]) -> list[Span]:
    """Those that are still there, without inputs and outputs; each once."""
    c = spans.c
    with engine.connect() as connection:
        there = among(connection, (c.project_id, c.trace_id, c.id), sorted(set(places)))
        near = within(connection, sorted({(project, trace) for project, trace, _ in places}))
        rows = connection.execute(select(spans).where(there, near)).mappings().all()
    return [to_span(row) for row in rows]


def scores_at(engine: Engine, places: Sequence[Place]) -> list[dict[str, Any]]:
    """Rows of `scores`; the third part of a place is the score's id."""
    c = scores.c
    with engine.connect() as connection:
        there = among(connection, (c.project_id, c.id), sorted({(project, score) for project, _, score in places}))
        rows = connection.execute(select(scores).where(there).order_by(c.at_us, c.id)).mappings()
        return [dict(row) for row in rows]
