"""How long traces took, by their ids. Knows nothing of what they are."""

from collections.abc import Iterable

from sqlalchemy import select

from pilothouse.storage.database import Store
from pilothouse.storage.statements import among
from pilothouse.storage.tables import traces

__all__ = ["durations_us"]

_T = traces.c


def durations_us(store: Store, project: str, trace_ids: Iterable[str]) -> dict[str, int]:
    """Microseconds from the first to the last of each trace, of those that are there."""
    keys = [(project, one) for one in dict.fromkeys(trace_ids)]
    if not keys:
        return {}
    with store.observe.connect() as connection:
        these = among(connection, [_T.project_id, _T.trace_id], keys)
        rows = connection.execute(select(_T.trace_id, _T.duration_us).where(these))
        return {row.trace_id: row.duration_us for row in rows}
