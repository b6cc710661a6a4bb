"""The audit log: what is written stays, and is found again."""

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from pilothouse.access import Actor, Audit, AuditFilters
from pilothouse.access.audit import record
from pilothouse.principal import Principal
from pilothouse.storage import Store
from pilothouse.storage.tables import audit

ADA = Actor("ada", "cli")


def write(store: Store, action: str = "key.create", subject: str = "key:1", project: str = "default") -> None:
    with store.control.begin() as connection:
        record(connection, ADA, action, subject, project_id=project, after={"name": "ä"})


@pytest.mark.parametrize("statement", [delete(audit), update(audit).values(actor="eve")])
def test_an_entry_can_neither_be_changed_nor_deleted(store: Store, statement: object) -> None:
    write(store)
    with pytest.raises(DBAPIError, match="append-only"), store.control.begin() as connection:
        connection.execute(statement)  # type: ignore[call-overload]
    assert [entry.actor for entry in Audit(store.control).list()] == ["ada"]


def test_the_log_cannot_be_emptied(store: Store) -> None:
    """SQLite has no TRUNCATE; what it has instead is a DELETE."""
    write(store)
    postgres = store.control.dialect.name == "postgresql"
    with pytest.raises(DBAPIError, match="append-only"), store.control.begin() as connection:
        connection.execute(text("TRUNCATE audit" if postgres else "DELETE FROM audit"))
    assert len(Audit(store.control).list()) == 1


def test_an_entry_goes_with_its_transaction(store: Store) -> None:
    with store.control.connect() as connection:
        record(connection, ADA, "key.create", "key:1", project_id="default")
        connection.rollback()
    assert Audit(store.control).list() == []


def test_an_entry_says_who_what_before_and_after(store: Store) -> None:
    write(store)
    (entry,) = Audit(store.control).list()
    assert (entry.actor, entry.source, entry.action, entry.subject) == ("ada", "cli", "key.create", "key:1")
    assert (entry.before, entry.after) == (None, {"name": "ä"})
    assert entry.to_json()["at_us"] == entry.at_us


def test_filters_and_pages(store: Store) -> None:
    log = Audit(store.control)
    for n in range(4):
        write(store, "key.create", f"key:{n}")
    write(store, "team.create", "team:default/a_b")
    write(store, "team.create", "team:default/axb", "shop")
    assert len(log.list()) == 6
    assert len(log.list("default")) == 5
    assert len(log.list(filters=AuditFilters(action="key.*"))) == 4
    assert len(log.list(filters=AuditFilters(subject="team:default/a_*"))) == 1
    assert len(log.list(filters=AuditFilters(subject="key:2", actor="ada", source="cli"))) == 1
    assert log.list(filters=AuditFilters(actor="ad*")) == []
    newest = max(entry.at_us for entry in log.list())  # ids of one millisecond are in no order
    assert log.list(filters=AuditFilters(since_us=newest + 1)) == []
    assert len(log.list(filters=AuditFilters(until_us=newest + 1))) == 6
    first = log.list(limit=4)
    rest = log.list(limit=4, before=first[-1].id)
    assert len({entry.id for entry in (*first, *rest)}) == 6
    assert [e.id for e in (*first, *rest)] == sorted((e.id for e in (*first, *rest)), reverse=True)


def test_the_actor_of_a_request() -> None:
    assert Actor.of(Principal("default", "0ab", "admin", name="ci")) == Actor("0ab (ci)", "api")
    assert Actor.of(Principal("default", "in-process", "admin", name="in-process"), "console").name == "in-process"
