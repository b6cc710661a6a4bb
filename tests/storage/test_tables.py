"""The tables as rooms use them: writing twice, overwriting, and the same answers on both databases."""

from sqlalchemy import func, select

from pilothouse.storage import Store, tables
from pilothouse.storage.tables import insert_new, upsert


def test_every_primary_key_starts_with_the_project() -> None:
    above = (tables.organisations, tables.changes)
    for table in [*tables.control.tables.values(), *tables.observe.tables.values()]:
        assert table in above or next(iter(table.primary_key)).name == "project_id", table.name


def test_inserting_a_row_twice_keeps_the_first(store: Store) -> None:
    row = {"project_id": "default", "id": "m1", "versions": "{}"}
    with store.observe.begin() as connection:
        connection.execute(insert_new(connection, tables.manifests), [row])
        connection.execute(insert_new(connection, tables.manifests), [row | {"versions": "other"}, row | {"id": "m2"}])
        rows = connection.execute(select(tables.manifests).order_by(tables.manifests.c.id)).all()
    assert [tuple(row) for row in rows] == [("default", "m1", "{}"), ("default", "m2", "{}")]


def test_upsert_overwrites_the_row_with_the_same_key(store: Store) -> None:
    row = {"project_id": "default", "spool": "a", "segment": 1, "offset": 2**40}
    with store.observe.begin() as connection:
        connection.execute(upsert(connection, tables.spool_cursors), row)
        connection.execute(upsert(connection, tables.spool_cursors), row | {"segment": 2, "offset": 0})
        found = connection.execute(select(tables.spool_cursors)).all()
    assert [tuple(row) for row in found] == [("default", "a", 2, 0)]


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    row = {"project_id": "default", "id": "m1", "versions": "{}"}
    try:
        with store.observe.begin() as connection:
            connection.execute(insert_new(connection, tables.manifests), row)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with store.observe.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.manifests)) == 0
