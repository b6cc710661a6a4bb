"""Rows of prompts and of their versions. Knows nothing of what a version holds, nor of who may change it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.engine import Connection

from pilothouse.storage.statements import among, insert_new
from pilothouse.storage.tables.prompting import prompt_labels, prompt_versions, prompts
from pilothouse.types import Json

__all__ = [
    "MOST_ROWS", "add_prompt", "add_version", "change_prompt", "folder_rows", "head_rows", "labels_of", "newest_rows",
    "prompt_row", "prompt_rows", "version_row",
]  # fmt: skip

MOST_ROWS = 500
_P, _V, _L = prompts.c, prompt_versions.c, prompt_labels.c
_HEAD = [column for column in _V if column.name != "body"]


def prompt_row(connection: Connection, project: str, name: str, *, lock: bool = False) -> Row[Any] | None:
    """The prompt of this name. `lock` keeps other writers of it waiting until the transaction ends."""
    query = select(prompts).where(*_is(project, name))
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def add_prompt(connection: Connection, project: str, name: str, now: int) -> None:
    """Make the prompt where there is none of that name, without a version."""
    row = {
        "project_id": project, "name": name, "description": "", "tags": "[]", "newest": 0, "created_us": now,
        "updated_us": now,
    }  # fmt: skip
    connection.execute(insert_new(connection, prompts), row)


def change_prompt(connection: Connection, project: str, name: str, values: Json) -> None:
    """Set these columns."""
    connection.execute(update(prompts).where(*_is(project, name)).values(values))


def prompt_rows(
    connection: Connection, project: str, *, search: str, label: str | None, tag: str | None, archived: bool,
    folder: str, below: bool, after: str | None, limit: int,
) -> Sequence[Row[Any]]:  # fmt: skip
    """By name, those after the name `after`: with `search` in name or description, with this label, with this tag; in
    this folder, also those `below` folders in it."""
    query = select(prompts).where(*_in(project, folder, archived))
    if not below:
        query = query.where(~_within(folder).contains("/"))
    if search:
        named, told = (column.icontains(search, autoescape=True) for column in (_P.name, _P.description))
        query = query.where(named | told)
    if label is not None:
        here = select(_L.label).where(_L.project_id == _P.project_id, _L.name == _P.name, _L.label == label)
        query = query.where(here.exists())
    if tag is not None:
        query = query.where(_P.tags.contains(msgspec.json.encode(tag).decode(), autoescape=True))
    if after is not None:
        query = query.where(_P.name > after)
    return connection.execute(query.order_by(_P.name).limit(limit)).all()


def folder_rows(connection: Connection, project: str, folder: str, *, archived: bool) -> Sequence[Row[Any]]:
    """The folders directly in this one, by name, each with how many prompts are in it at any depth."""
    rest = _within(folder)
    cut = (func.instr if connection.dialect.name == "sqlite" else func.strpos)(rest, "/")
    there = (
        select(func.substr(rest, 1, cut - 1).label("name")).where(*_in(project, folder, archived), cut > 0).subquery()
    )
    query = select(there.c.name, func.count().label("prompts")).group_by(there.c.name).order_by(there.c.name)
    return connection.execute(query.limit(MOST_ROWS)).all()


def newest_rows(connection: Connection, project: str, names: Sequence[str]) -> Sequence[Row[Any]]:
    """The newest version of each of these prompts, without its body."""
    newest = (_V.project_id == _P.project_id) & (_V.name == _P.name) & (_V.number == _P.newest)
    keys = among(connection, (_P.project_id, _P.name), [(project, name) for name in names])
    return connection.execute(select(*_HEAD).select_from(prompts.join(prompt_versions, newest)).where(keys)).all()


def labels_of(connection: Connection, project: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """By name: to which version each label points, in the order of the labels."""
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    query = select(_L.name, _L.label, _L.version)
    if len(names) == 1:
        query = query.where(_L.project_id == project, _L.name == names[0])
    else:
        query = query.where(among(connection, (_L.project_id, _L.name), [(project, name) for name in names]))
    for row in sorted(connection.execute(query).all(), key=lambda row: str(row.label)):
        found[row.name][row.label] = row.version
    return found


def add_version(connection: Connection, row: Json) -> None:
    """A version, with every column."""
    connection.execute(insert(prompt_versions), row)


def version_row(connection: Connection, project: str, name: str, number: int) -> Row[Any] | None:
    """The version of this number."""
    query = select(prompt_versions).where(_V.project_id == project, _V.name == name, _V.number == number)
    return connection.execute(query).one_or_none()


def head_rows(
    connection: Connection, project: str, name: str, *, before: int | None, limit: int
) -> Sequence[Row[Any]]:  # fmt: skip
    """Versions without their bodies, the newest first, those before the number `before`."""
    query = select(*_HEAD).where(_V.project_id == project, _V.name == name)
    if before is not None:
        query = query.where(_V.number < before)
    return connection.execute(query.order_by(_V.number.desc()).limit(limit)).all()


def _in(project: str, folder: str, archived: bool) -> tuple[Any, ...]:
    """Not by LIKE, which SQLite has blind to case."""
    here = () if not folder else (func.substr(_P.name, 1, len(folder)) == folder,)
    return _P.project_id == project, (_P.archived_us.is_not(None)) == archived, *here


def _within(folder: str) -> ColumnElement[str]:
    return func.substr(_P.name, len(folder) + 1)


def _is(project: str, name: str) -> tuple[Any, ...]:
    return _P.project_id == project, _P.name == name
