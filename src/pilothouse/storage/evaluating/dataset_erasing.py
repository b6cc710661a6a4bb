"""Erases the items of datasets that came from a trace or a user, out of every version. Knows nothing of who asks.

Under SQLite what was deleted is overwritten in the file.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection

from pilothouse.storage.database import Store
from pilothouse.storage.engines import overwriting, settle
from pilothouse.storage.statements import among
from pilothouse.storage.tables import dataset_items, dataset_versions, datasets

__all__ = ["DatasetErasing"]

_C, _V = dataset_items.c, dataset_versions.c


class DatasetErasing:
    """Of a store. Each method says how many items it erased, of all their versions. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.control

    def forget_traces(self, project: str, traces: Sequence[str]) -> int:
        """The items that came from these traces."""
        keys = [(project, trace) for trace in traces if "\0" not in trace]
        with self._engine.connect() as connection:
            mine = among(connection, (_C.project_id, _C.source_trace), keys)
        return self._forget(project, mine)

    def forget_user(self, project: str, user: str) -> int:
        """The items that came from traces of this user, named as observe.privacy.erasures.user_hash does."""
        return self._forget(project, _C.source_user == user)

    def _forget(self, project: str, which: Any) -> int:
        mine = (_C.project_id == project, which)
        with self._engine.connect() as connection:
            touched = sorted(connection.execute(select(_C.dataset_id).where(*mine).distinct()).scalars())
        if not touched:
            return 0
        with overwriting(self._engine) as connection:
            of = datasets.c.project_id == project, datasets.c.id.in_(touched)
            connection.execute(select(datasets.c.id).where(*of).order_by(datasets.c.id).with_for_update()).all()
            columns = _C.dataset_id, _C.since, _C.until
            gone = connection.execute(delete(dataset_items).where(*mine).returning(*columns)).all()
            self._count(connection, project, gone)
        settle(self._engine)
        return len(gone)

    def _count(self, connection: Connection, project: str, gone: Sequence[Any]) -> None:
        """Tell the versions that had them."""
        for (dataset_id, since, until), items in Counter(tuple(row) for row in gone).items():
            if since is None:
                continue  # it was still arriving
            had = [_V.project_id == project, _V.dataset_id == dataset_id, _V.number >= since]
            if until is not None:
                had.append(_V.number < until)
            connection.execute(update(dataset_versions).where(*had).values(erased=_V.erased + items))
