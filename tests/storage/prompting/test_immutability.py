"""The database itself refuses to change a version or a move, whoever asks and however."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pilothouse.storage import Store, writing
from pilothouse.storage.prompting import move_rows, prompt_rows

VERSION = {
    "project_id": "default", "name": "a", "number": 1, "hash": "h", "body": "{}", "message": "", "author": "ana",
    "parent": None, "created_us": 1,
}  # fmt: skip
MOVE = {
    "project_id": "default", "id": "m1", "name": "a", "label": "production", "number": 1, "version": 1, "before": None,
    "kind": "promote", "back": None, "actor": "ana", "approved_by": None, "reason": "", "forced": False, "at_us": 1,
}  # fmt: skip


def test_versions_and_moves_never_change(store: Store) -> None:
    with writing(store.control) as connection:
        prompt_rows.add_version(connection, VERSION)
        move_rows.add_move(connection, MOVE)
    sqlite = store.control.dialect.name == "sqlite"
    rest = {
        "prompt_versions": (
            "hash, body, message, author, parent, created_us) "
            "VALUES ('default', 'a', 1, 'h', '[]', '', 'eve', NULL, 1)"
        ),
        "prompt_moves": (
            "name, label, number, version, kind, actor, reason, forced, at_us) "
            "VALUES ('default', 'm1', 'a', 'production', 1, 2, 'promote', 'eve', '', FALSE, 1)"
        ),
    }  # fmt: skip
    for table, column, keys in (
        ("prompt_versions", "body", "project_id, name, number"), ("prompt_moves", "version", "project_id, id"),
    ):  # fmt: skip
        value = "'[]'" if column == "body" else "2"
        tries = [
            f"UPDATE {table} SET {column} = {value}",
            f"UPDATE {table} SET {column} = {column}",
            f"UPDATE {table} SET project_id = 'other'",
            f"DELETE FROM {table}",
            f"INSERT INTO {table} ({keys}, {rest[table]} ON CONFLICT ({keys}) DO UPDATE SET {column} = {value}",
        ]
        tries += [f"INSERT OR REPLACE INTO {table} ({keys}, {rest[table]}"] if sqlite else [f"TRUNCATE {table}"]
        for statement in tries:
            with (
                pytest.raises(DBAPIError, match=f"a row of {table} never changes"),
                writing(store.control) as connection,
            ):
                connection.execute(text(statement))
    with store.control.connect() as connection:
        row = prompt_rows.version_row(connection, "default", "a", 1)
        assert row is not None
        assert (json.loads(row.body), row.author) == ({}, "ana")
        assert connection.execute(text("SELECT version, actor FROM prompt_moves")).all() == [(1, "ana")]


def test_a_move_has_a_number_of_its_own(store: Store) -> None:
    with writing(store.control) as connection:
        move_rows.add_move(connection, MOVE)
    with pytest.raises(DBAPIError), writing(store.control) as connection:
        move_rows.add_move(connection, {**MOVE, "id": "m2"})
