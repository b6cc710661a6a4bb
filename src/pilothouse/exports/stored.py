"""The spans at some places, read at once. Knows nothing of where they go."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.engine import Engine

from pilothouse.call import Span
from pilothouse.exports.queue import Place
from pilothouse.monitoring import ExportConfig
from pilothouse.observe.rows import to_span
from pilothouse.storage.statements import among
from pilothouse.storage.tables import spans

__all__ = ["fits", "spans_at"]


def spans_at(engine: Engine, places: Sequence[Place]) -> list[Span]:
    """Those that are still there, without inputs and outputs; each once."""
    c = spans.c
    with engine.connect() as connection:
        there = among(connection, (c.project_id, c.trace_id, c.id), sorted(set(places)))
        rows = connection.execute(select(spans).where(there)).mappings().all()
    return [to_span(row) for row in rows]


def fits(span: Span, export: ExportConfig) -> bool:
    """Whether the export is to send this span."""
    asked = (
        (export.projects, span.project_id), (export.sources, span.source), (export.kinds, span.kind),
        (export.statuses, span.status),
    )  # fmt: skip
    return all(not wanted or found in wanted for wanted, found in asked)
