"""The migrations: they make what tables.py says, keep what there was, can be undone, and refuse a database from the
future."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any, get_args

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from pilothouse.access.audit import Audit
from pilothouse.access.keys import Keys
from pilothouse.access.members import Members
from pilothouse.access.tenants import Tenants
from pilothouse.errors import StorageError
from pilothouse.ids import new_id
from pilothouse.observe import Ledger, Traces
from pilothouse.observe.sums import backfill
from pilothouse.settings import Settings
from pilothouse.storage import SnapshotStore, Store, migrate, open_store, span_days, tables, writing
from pilothouse.storage.batch_leases import BatchLeases
from pilothouse.storage.batches import BatchStore
from pilothouse.storage.database import make_home, open_engine
from pilothouse.storage.files import FileStore
from pilothouse.storage.migrations import SCRIPTS, History, is_current, version_table
from pilothouse.storage.payloads import pack
from pilothouse.storage.responses import ResponseStore
from pilothouse.storage.statements import add_new

HISTORIES: tuple[History, ...] = get_args(History)
DAY, FAR = 20_000, 2**60
AT = DAY * 86_400_000_000
SECRET = "ph-of-an-older-release"

_IN = {"project_id": "default", "created_us": AT}
_TENANT = {**_IN, "limits": '{"parallel": 3}', "budgets": '[{"period": "day", "usd": 1}]'}
_COUNTS = {"total": 2, "completed": 1, "failed": 0}
_TOKENS = {"input_tokens": 3, "output_tokens": 4}
OF_BEFORE: dict[str, dict[str, Any]] = {
    "organisations": {"org_id": "acme", "name": "Acme", "limits": "{}", "budgets": "[]", "created_us": AT},
    "projects": {**_TENANT, "project_id": "shop", "org_id": "acme", "name": "Shop"},
    "teams": {**_TENANT, "id": "team-a", "name": "A"},
    "members": {**_IN, "subject": "ada@example.com", "role": "admin", "team_id": "team-a"},
    "api_keys": {
        **_TENANT, "id": "key-a", "hash": hashlib.sha256(SECRET.encode()).hexdigest(), "prefix": "ph-of-", "name": "a",
        "role": "viewer", "team_id": "team-a", "policy": '{"models": ["fast"]}', "revision": 7, "expires_us": FAR,
    },
    "audit": {
        "project_id": "default", "id": "a1", "at_us": AT, "actor": "ana", "source": "api", "action": "key.create",
        "subject": "key:key-a",
    },
    "changes": {"topic": "keys", "number": 7},
    "snapshots": {
        **_IN, "number": 1, "hash": "of then", "author": "ana", "source": "file",
        "body": json.dumps({"rag": {"top_k": 3}, "models": {}}),
    },
    "files": {**_IN, "id": "file-1", "purpose": "batch", "filename": "in.jsonl", "bytes": 4, "status": "uploaded"},
    "file_parts": {"project_id": "default", "file_id": "file-1", "number": 0, "data": b"{}\n\n"},
    "batches": {
        **_IN, **_COUNTS, "id": "batch_1", "key_id": "key-a", "client_ip": "::1", "endpoint": "/v1/chat/completions",
        "input_file_id": "file-1", "status": "in_progress", "lane": "own", "times": '{"in_progress": 5}',
        "expires_us": FAR, "lease": "of a dead worker", "lease_until_us": AT,
    },
    "batch_items": {"project_id": "default", "batch_id": "batch_1", "number": 0, "failed": False, "line": b"{}"},
    "spans": {
        **_TOKENS, "project_id": "default", "trace_id": "0" * 31 + "1", "id": "s1", "name": "chat", "kind": "llm",
        "start_us": AT, "duration_us": 9, "status": "ok", "cost_nano": 5, "cost_known": True, "attributes": "{}",
        "team_id": "team-a",
    },
    "ledger": {
        **_TOKENS, "project_id": "default", "id": new_id(AT), "at_us": AT, "day": DAY, "kind": "call", "nano": 5,
        "accounts": '["key:key-a"]', "estimated": False, "note": "",
    },
    "balances": {
        "project_id": "default", "account": "key:key-a", "day": DAY, "nano": 5, "tokens": 7, "calls": 1, "version": 1,
    },
    "responses": {
        **_IN, "id": "resp_1", "model": "fast", "status": "completed", "expires_us": FAR,
        "body": pack({"input": [], "response": {"id": "resp_1", "status": "completed"}}),
    },
}  # fmt: skip
"""A row of each table, as the release with control_0003 and observe_0003 wrote it."""


@pytest.fixture
def settings(new_settings: Settings) -> Settings:
    return new_settings


@pytest.fixture
def of_before(settings: Settings) -> Settings:
    """A home of that release, with these rows."""
    make_home(settings.home)
    for url, history in ((settings.control_url(), HISTORIES[0]), (settings.observe_url(), HISTORIES[1])):
        engine, scripts = open_engine(url), migrate._scripts()
        steps = [*scripts.iterate_revisions(f"{history}_0003", f"{history}@base")][::-1]
        with writing(engine) as connection:
            made = [migrate.MigrationStep.upgrade_from_script(scripts.revision_map, step) for step in steps]
            migrate._run(connection, history, made)
            (then := MetaData()).reflect(connection)
            for name in OF_BEFORE.keys() & getattr(tables, history).tables.keys():
                connection.execute(then.tables[name].insert(), OF_BEFORE[name])
        engine.dispose()
    return settings


def indexes(engine: Engine) -> dict[str, tuple[bool, object]]:
    """By name: whether it is unique, and its columns; where it is partial, what for."""
    looked, found = inspect(engine), {}
    for table in looked.get_table_names():
        for index in looked.get_indexes(table):
            where = (index.get("dialect_options") or {}).get(f"{engine.dialect.name}_where")
            found[str(index["name"])] = (bool(index["unique"]), (index["column_names"], str(where)))
    return found


def test_a_home_of_an_older_release_is_opened_by_two_at_once_and_keeps_all(of_before: Settings) -> None:
    urls = of_before.control_url(), of_before.observe_url()
    before: dict[str, tuple[bool, object]] = {}
    for url in urls:
        before |= indexes(engine := open_engine(url))
        engine.dispose()
    start, opened = threading.Barrier(2), list[Store]()

    def opens() -> None:
        start.wait()
        opened.append(open_store(of_before))

    openers = [threading.Thread(target=opens) for _ in range(2)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert len(opened) == 2
    for store in opened:
        after = indexes(store.control) | indexes(store.observe)
        assert {name: after.get(name) for name in before} == before
        _reads(store)
        store.close()


def _reads(store: Store) -> None:
    """The present code reads each of the rows."""
    who = Keys(store.control).authenticate(f"Bearer {SECRET}")
    assert (who.key_id, who.role, who.team_id, who.policy.models) == ("key-a", "viewer", "team-a", ("fast",))
    team = Tenants(store.control).get("team", "team-a", "default")
    assert (team.name, team.role, team.limits.parallel, team.budgets[0].usd) == ("A", None, 3, 1)
    assert Tenants(store.control).get("project", "shop", "acme").name == "Shop"
    (member,) = Members(store.control).list("default")
    assert (member.subject, member.role, member.team_id) == ("ada@example.com", "admin", "team-a")
    assert [entry.action for entry in Audit(store.control).list("default")] == ["key.create"]
    snapshot = SnapshotStore(store.control).current()
    assert snapshot is not None
    assert (snapshot.number, snapshot.config.rag.top_k) == (1, 3)
    assert FileStore(store.control).get("default", "file-1").bytes == 4
    batch = BatchStore(store.control).get("default", "batch_1")
    assert (batch.status, batch.total, batch.completed, batch.times) == ("in_progress", 2, 1, {"in_progress": 5})
    assert BatchLeases(store.control).done(batch) == {0}
    with writing(store.observe) as connection:  # as the drainer does in the background
        while backfill.step(connection):
            pass
    assert [row.trace_id for row in Traces(store).list().rows] == [OF_BEFORE["spans"]["trace_id"]]
    (entry,) = Ledger(store).entries(account="key:key-a").entries
    assert (entry.nano, entry.accounts) == (5, ["key:key-a"])
    assert [spend.nano for spend in Ledger(store).spend("key:key-a", DAY, DAY + 1)] == [5]
    assert ResponseStore(store.observe).get("default", "resp_1").model == "fast"


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


@pytest.mark.parametrize("new_settings", ["postgres"], indirect=True)
def test_a_table_of_spans_becomes_a_day_of_many_and_many_become_one(store: Store) -> None:
    row = {**OF_BEFORE["spans"], "tags": "[]", "source": "gateway"}
    with writing(store.observe) as connection:
        newest = migrate._scripts().iterate_revisions("observe@head", "observe_0012")
        steps = [migrate.MigrationStep.downgrade_from_script(migrate._scripts().revision_map, one) for one in newest]
        migrate._run(connection, "observe", steps)
        before = indexes_of(connection)
        old = MetaData()
        old.reflect(connection, only=["spans", "traces"])
        connection.execute(old.tables["spans"].insert().values(row))
        summed = {"root_id": "s1", "tags": "[]", "source": "gateway", "spans": 1, "errors": 0} | _TOKENS
        mine = {name: value for name, value in (row | summed).items() if name in old.tables["traces"].c}
        connection.execute(old.tables["traces"].insert().values(mine))
        sizes = text("SELECT relfilenode FROM pg_class WHERE relname IN ('spans', 'pk_spans') ORDER BY relname")
        files = connection.execute(sizes).all()
        migrate.upgrade(connection, "observe")
        there = text(str(sizes).replace("'spans', 'pk_spans'", "'spans_19700101', 'pk_spans_19700101'"))
        assert connection.execute(there).all() == files  # the same table, not a copy
        assert connection.execute(select(tables.span_days.c.day, tables.span_days.c.until_us)).all() == [(0, AT + 9)]
        span_days.reach(connection, {DAY: AT})
        for day in (0, DAY):
            written = tuple(({**row, "trace_id": f"t{day}"}).values())
            add_new(connection, span_days.table_of(connection, day), tuple(row), [written])
        kept = select(tables.spans.c.trace_id).order_by(tables.spans.c.trace_id)
        assert connection.execute(kept).scalars().all() == [row["trace_id"], "t0", f"t{DAY}"]
        migrate._run(connection, "observe", steps)
        assert connection.execute(kept).scalars().all() == [row["trace_id"], "t0", f"t{DAY}"]
        assert indexes_of(connection) == before
        migrate.upgrade(connection, "observe")
    with pytest.raises(IntegrityError), store.observe.begin() as connection:
        connection.execute(tables.spans.insert().values(row))


def test_balances_of_before_get_their_calls_of_unknown_price(store: Store) -> None:
    accounts = {"key:key-a": "default", "org:acme": "*"}
    entry = {**OF_BEFORE["ledger"], "nano": None, "accounts": json.dumps([*accounts])}
    with writing(store.observe) as connection:
        newest = migrate._scripts().iterate_revisions("observe@head", "observe_0013")
        steps = [migrate.MigrationStep.downgrade_from_script(migrate._scripts().revision_map, one) for one in newest]
        migrate._run(connection, "observe", steps)
        for number in range(2):
            connection.execute(tables.ledger.insert().values({**entry, "id": f"e{number}"}))
        connection.execute(tables.ledger.insert().values({**OF_BEFORE["ledger"], "accounts": entry["accounts"]}))
        (old := MetaData()).reflect(connection, only=["balances"])
        for account, home in accounts.items():
            row = {**OF_BEFORE["balances"], "account": account, "project_id": home, "calls": 3}
            connection.execute(old.tables["balances"].insert().values(row))
        migrate.upgrade(connection, "observe")
    for account in accounts:
        (day,) = Ledger(store).spend(account, DAY, DAY + 1)
        assert (day.calls, day.unpriced) == (3, 2)


def indexes_of(connection: Connection) -> list[str]:
    """Those of the spans, as statements."""
    query = "SELECT indexdef FROM pg_indexes WHERE tablename = 'spans' ORDER BY indexdef"
    return [*connection.execute(text(query)).scalars()]


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
