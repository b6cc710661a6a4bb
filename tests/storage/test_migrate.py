"""The migrations: they make what tables.py says, can be undone, and refuse a database from the future."""

from pathlib import Path
from typing import get_args

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from pilothouse.errors import StorageError
from pilothouse.settings import Settings
from pilothouse.storage import Store, migrate, open_store, tables, writing
from pilothouse.storage.migrations import SCRIPTS, History, is_current, version_table

HISTORIES: tuple[History, ...] = get_args(History)


@pytest.mark.parametrize("history", HISTORIES)
def test_the_migrated_schema_is_what_tables_says(store: Store, history: History) -> None:
    metadata = getattr(tables, history)

    def ours(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
        """Both histories may live in one database: look at this one's tables."""
        return kind != "table" or name in metadata.tables

    with getattr(store, history).connect() as connection:
        opts = {"include_object": ours, "version_table": version_table(history)}
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), metadata) == []


def test_partial_indexes_are_partial(store: Store) -> None:
    """Autogenerate does not compare the WHERE of an index."""
    for engine, table, name in (
        (store.control, "jobs", "ix_jobs_dedupe"),
        (store.observe, "spans", "ix_spans_roots"),
    ):
        found = next(index for index in inspect(engine).get_indexes(table) if index["name"] == name)
        assert found["dialect_options"][f"{engine.dialect.name}_where"] is not None


@pytest.mark.parametrize("history", HISTORIES)
def test_down_and_up_again(store: Store, history: History) -> None:
    engine = getattr(store, history)
    mine = set(getattr(tables, history).tables)
    with writing(engine) as connection:
        migrate.downgrade(connection, history)
    assert not mine & set(inspect(engine).get_table_names())
    with writing(engine) as connection:
        assert not is_current(connection, history)
        migrate.downgrade(connection, history)
        migrate.upgrade(connection, history)
        migrate.upgrade(connection, history)
        assert is_current(connection, history)
    assert mine <= set(inspect(engine).get_table_names())


def test_a_database_of_before_teams_had_roles_keeps_its_rows_and_gets_the_guard(store: Store) -> None:
    """Also one that was made while the guard of the audit log against TRUNCATE stood in an earlier revision."""
    scripts, kind = ScriptDirectory(str(SCRIPTS), version_locations=[str(SCRIPTS)]), store.control.dialect.name
    newest = scripts.iterate_revisions("control@head", "control_0003")
    member = {"project_id": "default", "subject": "ada", "role": "admin", "created_us": 1}
    with writing(store.control) as connection:
        connection.execute(tables.members.insert().values(member | {"subject": "of the team", "role": None}))
        steps = [migrate.MigrationStep.downgrade_from_script(scripts.revision_map, script) for script in newest]
        migrate._run(connection, "control", steps)
        assert "role" not in {column["name"] for column in inspect(connection).get_columns("teams")}
        connection.execute(tables.members.insert().values(member))
        if kind == "postgresql":
            connection.execute(
                text(
                    "CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit "
                    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
                )
            )
        migrate.upgrade(connection, "control")
        kept = connection.execute(tables.members.select().order_by(tables.members.c.subject)).all()
    assert [(row.subject, row.role) for row in kept] == [("ada", "admin"), ("of the team", "viewer")]
    if kind == "postgresql":
        with pytest.raises(DBAPIError, match="append-only"), store.control.begin() as connection:
            connection.execute(text("TRUNCATE audit"))


@pytest.mark.parametrize("history", HISTORIES)
def test_a_database_from_the_future_is_refused_and_left_alone(settings: Settings, history: History) -> None:
    store = open_store(settings)
    with writing(getattr(store, history)) as connection:
        connection.execute(text(f"UPDATE {version_table(history)} SET version_num = '{history}_9999'"))
    store.close()
    with pytest.raises(StorageError, match=f"{history} database is at revision '{history}_9999'.*Upgrade Pilothouse"):
        open_store(settings)


def test_a_revision_is_named_like_its_file() -> None:
    """`is_current` relies on it."""
    scripts = [path for path in SCRIPTS.glob("*.py") if path.stem != "__init__"]
    assert scripts
    for path in scripts:
        assert f'revision = "{path.stem}"' in Path(path).read_text()
