"""Prompts and versions as they are read over an open connection. Changes nothing."""

from typing import Any

import msgspec
from sqlalchemy import Row
from sqlalchemy.engine import Connection

from pilothouse.errors import Conflict, NotFound
from pilothouse.prompts.content import Content
from pilothouse.prompts.versions import LATEST, MOST_NUMBER, Prompt, Reference, Version, VersionHead, name_fault
from pilothouse.storage.prompting import prompt_rows
from pilothouse.storage.statements import storable

__all__ = ["MOST", "head", "need_prompt", "need_version", "pointing", "prompt", "version_of"]

MOST = prompt_rows.MOST_ROWS
"""Rows of a page at most."""


def need_prompt(
    connection: Connection, project: str, name: str, *, live: bool = False, lock: bool = False
) -> Row[Any]:  # fmt: skip
    """The prompt. Raises NotFound, and Conflict where it is to be `live` and is archived. `lock` as in storage."""
    found = None if name_fault(name) else prompt_rows.prompt_row(connection, project, name, lock=lock)
    if found is None:
        raise NotFound(f"There is no prompt '{storable(name[:256])}'.", param="name")
    if live and found.archived_us is not None:
        raise Conflict(f"The prompt '{name}' is archived: take it back into the list to change it.")
    return found


def need_version(connection: Connection, project: str, name: str, number: int) -> Version:
    """The version of this number. Raises NotFound."""
    asked = need_prompt(connection, project, name)
    labels = prompt_rows.labels_of(connection, project, [name])[name]
    return _version(connection, asked, labels, number)


def version_of(connection: Connection, project: str, reference: Reference) -> Version:
    """The version that is referred to. Raises NotFound, which says what labels there are."""
    asked = need_prompt(connection, project, reference.name)
    labels = prompt_rows.labels_of(connection, project, [reference.name])[reference.name]
    if reference.version is not None:
        return _version(connection, asked, labels, reference.version)
    if asked.archived_us is not None:
        raise NotFound(f"The prompt '{asked.name}' is archived: only its versions by number are there.", param="name")
    pointed = {**labels, LATEST: asked.newest}
    if reference.wanted not in pointed:
        there = ", ".join(f"{label} ({number})" for label, number in pointed.items())
        raise NotFound(f"The prompt '{asked.name}' has no label '{reference.wanted}'. It has: {there}.", param="label")
    return _version(connection, asked, labels, pointed[reference.wanted])


def prompt(row: Row[Any], labels: dict[str, int]) -> Prompt:
    """A prompt of its row."""
    pointed = labels if row.archived_us is not None else {**labels, LATEST: row.newest}
    tags = tuple(msgspec.json.decode(row.tags))
    return Prompt(
        row.project_id, row.name, row.description, tags, row.newest, pointed, row.created_us, row.updated_us,
        row.archived_us,
    )  # fmt: skip


def head(row: Row[Any], labels: tuple[str, ...]) -> VersionHead:
    """A version of its row, without its content."""
    return VersionHead(
        row.project_id, row.name, row.number, row.hash, row.message, row.author, row.created_us, row.parent, labels
    )


def _version(connection: Connection, asked: Row[Any], labels: dict[str, int], number: int) -> Version:
    known = 0 < number <= MOST_NUMBER
    row = prompt_rows.version_row(connection, asked.project_id, asked.name, number) if known else None
    if row is None:
        raise NotFound(
            f"The prompt '{asked.name}' has no version {number}; the newest is {asked.newest}.", param="version"
        )
    content = Content.model_validate_json(row.body)
    return Version(
        row.project_id, row.name, row.number, content, row.hash, row.message, row.author, row.created_us, row.parent,
        pointing(asked, labels, number),
    )  # fmt: skip


def pointing(asked: Row[Any], labels: dict[str, int], number: int) -> tuple[str, ...]:
    """The labels of this version, `latest` the last."""
    newest = (LATEST,) if number == asked.newest and asked.archived_us is None else ()
    return (*(label for label, pointed in labels.items() if pointed == number), *newest)
