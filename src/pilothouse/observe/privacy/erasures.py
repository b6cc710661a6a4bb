"""What was deleted and must not come back: spans that a spool still held, or that arrive too late.

A span comes back from nowhere but a spool, so it is left out where spools are emptied, in the transaction that would
write it. Knows nothing of who deletes, nor of why.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Integer, cast, delete, exists, select
from sqlalchemy.engine import Connection

from pilothouse.observe.rows import COLUMNS
from pilothouse.storage.statements import among, upsert
from pilothouse.storage.tables import erasures

__all__ = [
    "AGE",
    "FOREVER_US",
    "TRACE",
    "USER",
    "erase",
    "erased_traces",
    "erased_users",
    "forgone",
    "prune",
    "user_hash",
]

AGE, USER, TRACE = "age", "user", "trace"
FOREVER_US = 2**62
_PROJECT, _TRACE, _START, _USER = (COLUMNS.index(name) for name in ("project_id", "trace_id", "start_us", "user_id"))
_C = erasures.c
_BROAD = select(_C.project_id, _C.kind, _C.value, _C.until_us).where(_C.kind != TRACE)
_ANY_TRACE = select(cast(exists().where(_C.kind == TRACE), Integer))
_logger = logging.getLogger(__name__)


def erase(
    connection: Connection, project: str, kind: str, values: Iterable[str], until_us: int, at_us: int
) -> None:  # fmt: skip
    """From now on no span of these users (as `user_hash` names them) or traces is let in that began before `until_us`.

    Kind AGE has one value, the empty text, and means every span of the project; its time only grows.
    """
    if kind == AGE:
        this = (_C.project_id == project, _C.kind == AGE, _C.value == "")
        until_us = max(until_us, connection.scalar(select(_C.until_us).where(*this)) or 0)
    rows = [
        {"project_id": project, "kind": kind, "value": value, "until_us": until_us, "at_us": at_us} for value in values
    ]
    if rows:
        connection.execute(upsert(connection, erasures), rows)


def forgone(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Which of these rows of spans (`rows.COLUMNS`) must not come back: their places in the list, rising."""
    until: dict[tuple[str, str, str], int] = {}
    for project, kind, value, limit in connection.execute(_BROAD):
        until[project, kind, value] = limit
    if connection.scalar(_ANY_TRACE):
        keys = {(row[_PROJECT], row[_TRACE]) for row in rows}
        query = select(_C.project_id, _C.value, _C.until_us).where(
            _C.kind == TRACE, among(connection, (_C.project_id, _C.value), sorted(keys))
        )
        for project, value, limit in connection.execute(query):
            until[project, TRACE, value] = limit
    if not until:
        return []
    of_users = {project for project, kind, _ in until if kind == USER}
    gone = []
    for i, row in enumerate(rows):
        project, start, user = row[_PROJECT], row[_START], row[_USER]
        of_span = [(project, AGE, ""), (project, TRACE, row[_TRACE])]
        if user is not None and project in of_users:
            of_span.append((project, USER, user_hash(user)))
        if any(start < until.get(key, 0) for key in of_span):
            gone.append(i)
    if gone:
        _logger.warning("%d spans came after their deletion and were left out.", len(gone))
    return gone


def erased_traces(connection: Connection, project: str, traces: Iterable[str]) -> list[str]:
    """Which of these traces were deleted for good."""
    these = among(connection, (_C.project_id, _C.value), [(project, trace) for trace in traces])
    return [*connection.execute(select(_C.value).where(_C.kind == TRACE, these)).scalars()]


def erased_users(connection: Connection, project: str, users: Iterable[str]) -> list[str]:
    """Which of these users, named by `user_hash`, were deleted not long ago."""
    these = among(connection, (_C.project_id, _C.value), [(project, user) for user in users])
    return [*connection.execute(select(_C.value).where(_C.kind == USER, these)).scalars()]


def user_hash(user_id: str) -> str:
    """What stands for a user here, and in the audit log: the deletion of a name must not write it down."""
    return hashlib.sha256(user_id.encode("utf-8", "replace")).hexdigest()


def prune(connection: Connection, before_us: int) -> int:
    """Forget what was said of users and traces before that time; how much."""
    return connection.execute(delete(erasures).where(_C.kind != AGE, _C.at_us < before_us)).rowcount
