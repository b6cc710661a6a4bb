"""Rows of experiments and of looks at them, over connections. Knows nothing of what they say.

A change names the revision that it is made from: where another was quicker it changes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.engine import Connection

from pilothouse.storage.tables.experimenting import experiment_looks, experiments

__all__ = [
    "add", "add_look", "by_name", "change", "drop_look", "due_rows", "last_looks", "look_rows", "one", "page",
    "serving_rows",
]  # fmt: skip

_E, _L = experiments.c, experiment_looks.c


def add(connection: Connection, row: dict[str, Any]) -> None:
    """A new experiment. Raises IntegrityError where there is one of that name."""
    connection.execute(insert(experiments), row)


def change(connection: Connection, project: str, identifier: str, revision: int, values: dict[str, Any]) -> bool:
    """Change it from this revision; False where it has another by now."""
    where = (_E.project_id == project, _E.id == identifier, _E.revision == revision)
    return connection.execute(update(experiments).where(*where).values(**values, revision=revision + 1)).rowcount == 1


def one(connection: Connection, project: str, identifier: str) -> Row[Any] | None:
    """By id."""
    return connection.execute(select(experiments).where(_E.project_id == project, _E.id == identifier)).one_or_none()


def by_name(connection: Connection, project: str, name: str) -> Row[Any] | None:
    """By name."""
    return connection.execute(select(experiments).where(_E.project_id == project, _E.name == name)).one_or_none()


def page(
    connection: Connection, project: str, *, status: str | None, before: str | None, limit: int
) -> Sequence[Row[Any]]:
    """The newest first, those before the id `before`."""
    query = select(experiments).where(_E.project_id == project).order_by(_E.id.desc()).limit(limit)
    if status is not None:
        query = query.where(_E.status == status)
    return connection.execute(query if before is None else query.where(_E.id < before)).all()


def serving_rows(connection: Connection, project: str | None = None) -> Sequence[Row[Any]]:
    """Those that calls are to be asked about, of a project or of all."""
    query = select(experiments).where(_E.serving).order_by(_E.project_id, _E.id)
    return connection.execute(query if project is None else query.where(_E.project_id == project)).all()


def due_rows(connection: Connection) -> Sequence[Row[Any]]:
    """Those with something still to be done, of all projects."""
    return connection.execute(select(experiments).where(_E.due).order_by(_E.id)).all()


def add_look(connection: Connection, row: dict[str, Any]) -> None:
    """A look."""
    connection.execute(insert(experiment_looks), row)


def drop_look(connection: Connection, project: str, identifier: str, at_us: int) -> None:
    """Forget a look."""
    where = (_L.project_id == project, _L.experiment_id == identifier, _L.at_us == at_us)
    connection.execute(delete(experiment_looks).where(*where))


def last_looks(connection: Connection, project: str, identifier: str, count: int) -> Sequence[Row[Any]]:
    """The last ones, the newest first."""
    query = select(experiment_looks).where(_L.project_id == project, _L.experiment_id == identifier)
    return connection.execute(query.order_by(_L.at_us.desc()).limit(count)).all()


def look_rows(connection: Connection, project: str, identifier: str, after_us: int, limit: int) -> Iterable[Row[Any]]:
    """In their order, those after that time."""
    where = (_L.project_id == project, _L.experiment_id == identifier, _L.at_us > after_us)
    return connection.execute(select(experiment_looks).where(*where).order_by(_L.at_us).limit(limit)).all()
