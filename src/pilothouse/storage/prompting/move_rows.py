"""Rows of the moves of labels, and of promotions that wait for a second person. Knows nothing of why one is made.

The moves of one label are numbered without a gap, and the label's row tells the last one. Whoever adds one holds the
lock of the prompt's row (prompt_rows.prompt_row), so that its number is free.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.engine import Connection

from pilothouse.storage.statements import upsert
from pilothouse.storage.tables.prompting import prompt_labels, prompt_moves, prompt_requests
from pilothouse.types import Json

__all__ = [
    "add_move", "add_request", "change_request", "last_move", "move_of", "move_rows", "outdate", "pending_row",
    "request_row", "request_rows", "standing_rows",
]  # fmt: skip

_L, _M, _R = prompt_labels.c, prompt_moves.c, prompt_requests.c


def last_move(connection: Connection, project: str, name: str, label: str) -> Row[Any] | None:
    """The newest move of the label, also where it took the label away."""
    query = select(prompt_moves).where(*_of(project, name, label)).order_by(_M.number.desc()).limit(1)
    return connection.execute(query).one_or_none()


def move_of(connection: Connection, project: str, name: str, label: str, number: int) -> Row[Any]:
    """The move of this number."""
    return connection.execute(select(prompt_moves).where(*_of(project, name, label), _M.number == number)).one()


def standing_rows(connection: Connection, project: str, name: str) -> Sequence[Row[Any]]:
    """Of each label that the prompt has, the move that brought it where it points now; by label."""
    here = (_M.project_id == _L.project_id, _M.name == _L.name, _M.label == _L.label, _M.number == _L.move)
    query = select(prompt_moves).where(*here, _L.project_id == project, _L.name == name)
    return sorted(connection.execute(query).all(), key=lambda row: str(row.label))


def add_move(connection: Connection, row: Json) -> None:
    """Add a move, with every column, and let the label point to where it leads."""
    connection.execute(insert(prompt_moves), row)
    here = {column: row[column] for column in ("project_id", "name", "label")}
    if row["version"] is None:
        gone = delete(prompt_labels).where(*(_L[column] == value for column, value in here.items()))
        connection.execute(gone)
    else:
        values = {**here, "version": row["version"], "move": row["number"], "updated_us": row["at_us"]}
        connection.execute(upsert(connection, prompt_labels).values(values))


def move_rows(
    connection: Connection, project: str, name: str, label: str | None, *, before: str | None, limit: int
) -> Sequence[Row[Any]]:
    """The newest moves of a prompt, or of one of its labels, first; `before` is the id of the last one before these."""
    query = select(prompt_moves).where(_M.project_id == project, _M.name == name)
    order: Any = _M.id
    if label is not None:
        query, order = query.where(_M.label == label), _M.number
    if before is not None:
        there = select(order).where(_M.project_id == project, _M.id == before)
        query = query.where(order < there.scalar_subquery())
    return connection.execute(query.order_by(order.desc()).limit(limit)).all()


def add_request(connection: Connection, row: Json) -> None:
    """A promotion that waits, with every column."""
    connection.execute(insert(prompt_requests), row)


def request_row(connection: Connection, project: str, request: str) -> Row[Any] | None:
    """The request of this id."""
    query = select(prompt_requests).where(_R.project_id == project, _R.id == request)
    return connection.execute(query).one_or_none()


def pending_row(
    connection: Connection, project: str, name: str, label: str, version: int, forced: bool
) -> Row[Any] | None:
    """A request for this that waits already."""
    query = select(prompt_requests).where(*_waiting(project, name, label), _R.version == version, _R.forced == forced)
    return connection.execute(query.order_by(_R.id).limit(1)).one_or_none()


def request_rows(
    connection: Connection, project: str, *, name: str | None, status: str | None, before: str | None, limit: int
) -> Sequence[Row[Any]]:
    """The newest requests first, those before the id `before`."""
    query = select(prompt_requests).where(_R.project_id == project)
    for column, wanted in ((_R.name, name), (_R.status, status)):
        query = query if wanted is None else query.where(column == wanted)
    if before is not None:
        query = query.where(_R.id < before)
    return connection.execute(query.order_by(_R.id.desc()).limit(limit)).all()


def change_request(connection: Connection, project: str, request: str, values: Json) -> None:
    """Set these columns of a request."""
    connection.execute(update(prompt_requests).where(_R.project_id == project, _R.id == request).values(values))


def outdate(connection: Connection, project: str, name: str, label: str, now: int) -> None:
    """What waits for this label waits no longer: it was asked for while the label stood elsewhere."""
    values = {"status": "stale", "decided_us": now}
    connection.execute(update(prompt_requests).where(*_waiting(project, name, label)).values(values))


def _of(project: str, name: str, label: str) -> tuple[Any, ...]:
    return _M.project_id == project, _M.name == name, _M.label == label


def _waiting(project: str, name: str, label: str) -> tuple[Any, ...]:
    return _R.project_id == project, _R.name == name, _R.label == label, _R.status == "pending"
