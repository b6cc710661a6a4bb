"""Erases the items of review queues that came of a trace or a user, with what was said of them. Knows nothing of who
asks.

Under SQLite what was deleted is overwritten in the file.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from pilothouse.storage.database import Store
from pilothouse.storage.engines import overwriting, settle
from pilothouse.storage.statements import among
from pilothouse.storage.tables.reviewing import (
    review_corrections,
    review_items,
    review_queues,
    review_seats,
    review_sources,
    review_votes,
)

__all__ = ["ReviewErasing"]

_C = review_sources.c


class ReviewErasing:
    """Of a store. Each method says how many items it erased. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.control

    def forget_traces(self, project: str, traces: Sequence[str]) -> int:
        """The items that came of these traces."""
        keys = [(project, "trace", trace) for trace in traces if "\0" not in trace]
        with self._engine.connect() as connection:
            return self._forget(project, among(connection, (_C.project_id, _C.kind, _C.value), keys))

    def forget_user(self, project: str, user: str) -> int:
        """The items that came of traces of this user, named as observe.privacy.erasures.user_hash does."""
        return self._forget(project, (_C.kind == "user") & (_C.value == user))

    def _forget(self, project: str, which: Any) -> int:
        query = select(_C.item_id).where(_C.project_id == project, which).distinct()
        with self._engine.connect() as connection:
            found = [*connection.execute(query).scalars()]
        if not found:
            return 0
        with overwriting(self._engine) as connection:
            _wait(connection, project, found)
            keys = [(project, item) for item in found]
            for table in (review_votes, review_seats, review_corrections, review_sources):
                connection.execute(delete(table).where(among(connection, (table.c.project_id, table.c.item_id), keys)))
            mine = among(connection, (review_items.c.project_id, review_items.c.id), keys)
            gone = connection.execute(delete(review_items).where(mine)).rowcount
        settle(self._engine)
        return gone


def _wait(connection: Connection, project: str, items: Sequence[str]) -> None:
    """Until nobody votes in the queues of these items: votes of theirs would stay behind."""
    i, q = review_items.c, review_queues.c
    of_these = among(connection, (i.project_id, i.id), [(project, item) for item in items])
    queues = sorted(connection.execute(select(i.queue_id).where(of_these).distinct()).scalars())
    of = (q.project_id == project, q.id.in_(queues))
    connection.execute(select(q.id).where(*of).order_by(q.id).with_for_update()).all()
