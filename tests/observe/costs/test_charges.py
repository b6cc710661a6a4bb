"""From settled spans to the ledger and its balances: once, whatever happens on the way."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, update

from pilothouse.call import Progress, Reservation, Span
from pilothouse.errors import StorageError
from pilothouse.ids import new_id
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.costs.charges import Charge, day_of
from pilothouse.observe.costs.ledger import Ledger, Place
from pilothouse.observe.costs.reserved import LOST_AFTER_US
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.storage.tables import balances, ledger, reservations
from pilothouse.types import Usage

from ..arrival.test_ingest import _commits_fail
from ..conftest import Write
from ..making import full_span

ACCOUNTS = ["org:acme", "project:default", "key:abc", "deployment:openai/gpt-4o"]
AT = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()) * 1_000_000
DAY = day_of(AT)


@pytest.fixture
def drainer(spool: Spool, store: Store, settings: Settings) -> Drainer:
    """At the time of these calls: later, those that are open would be charged."""
    return Drainer(spool, store, settings.home, clock=lambda: AT)


def settled(**changes: Any) -> Span:
    """A span that settles a reservation."""
    fields: dict[str, Any] = {"charge_id": new_id(), "accounts": ACCOUNTS, "start_us": AT, "usage": Usage(100, 20)}
    return full_span(**(fields | changes))


def reserved(identifier: str, nano: int | None = 900, tokens: int = 500, **changes: Any) -> Reservation:
    fields: dict[str, Any] = {
        "id": identifier, "project_id": "default", "trace_id": "t", "at_us": AT, "expires_us": AT + 60_000_000,
        "accounts": ACCOUNTS, "nano": nano, "tokens": tokens, "endpoint": "/v1/chat/completions", "provider": "openai",
        "deployment": "openai/gpt-4o", "model": "gpt-4o",
    }  # fmt: skip
    return Reservation(**(fields | changes))


@pytest.fixture
def ledger_of(store: Store) -> Ledger:
    return Ledger(store)


def rows_of(store: Store) -> dict[tuple[str, str, int], tuple[int, int, int]]:
    """Every balance: (project, account, day) to (nano, tokens, calls)."""
    with store.observe.connect() as connection:
        rows = connection.execute(select(balances)).all()
    return {(row.project_id, row.account, row.day): (row.nano, row.tokens, row.calls) for row in rows}


def waiting(store: Store) -> int:
    with store.observe.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(reservations)).scalar_one())


def test_a_settled_span_is_one_entry_and_a_sum_for_each_account(write: Write, store: Store, ledger_of: Ledger) -> None:
    span = settled(cost_nano=700)
    write([span])
    (entry,) = ledger_of.entries().entries
    assert (entry.id, entry.kind, entry.nano, entry.day) == (span.charge_id, "call", 700, DAY)
    assert (entry.input_tokens, entry.output_tokens, entry.estimated) == (100, 20, False)
    assert (entry.accounts, entry.trace_id, entry.model) == (ACCOUNTS, span.trace_id, "gpt-4o")
    home = {"org:acme": "*", "deployment:openai/gpt-4o": "*"}
    assert rows_of(store) == {(home.get(name, "default"), name, DAY): (700, 120, 1) for name in ACCOUNTS}


def test_a_span_that_arrives_twice_is_charged_once(write: Write, store: Store) -> None:
    span = settled(cost_nano=700)
    write([span, span])
    write([span, settled(cost_nano=1)])
    assert rows_of(store)["default", "key:abc", DAY] == (701, 240, 2)


def test_a_span_without_a_charge_is_not_in_the_ledger(write: Write, ledger_of: Ledger) -> None:
    write([full_span()])
    assert ledger_of.entries().entries == []


def test_unknown_prices_stay_unknown_and_unused_calls_cost_nothing(write: Write, ledger_of: Ledger) -> None:
    write([settled(cost_nano=None, cost_known=False), settled(cost_nano=None, usage=None, status="error")])
    newest = ledger_of.entries().entries
    assert sorted(((e.nano, e.input_tokens) for e in newest), key=str) == [(0, 0), (None, 100)]
    assert ledger_of.spent([Place("default", "key:abc", DAY, DAY + 1)])[0].tokens == 120


def test_a_call_across_midnight_is_charged_on_the_day_it_began(write: Write, store: Store) -> None:
    midnight = (DAY + 1) * 86_400_000_000
    write([settled(cost_nano=5, start_us=midnight - 1, end_us=midnight + 10_000_000)])
    assert [key[2] for key in rows_of(store)] == [DAY] * 4


def test_a_failed_commit_charges_nothing(write: Write, spool: Spool, drainer: Drainer, store: Store) -> None:
    SpoolRecorder(spool).record(settled(cost_nano=5))
    with _commits_fail(store, StorageError("away")), pytest.raises(StorageError):
        drainer.flush()
    assert rows_of(store) == {}
    drainer.flush()
    assert rows_of(store)["default", "key:abc", DAY] == (5, 120, 1)


def test_a_reservation_waits_until_its_span_comes(
    spool: Spool, drainer: Drainer, store: Store, ledger_of: Ledger
) -> None:
    recorder = SpoolRecorder(spool)
    recorder.record(reserved("1"))
    recorder.record(reserved("2"))
    recorder.record(settled(charge_id="2", cost_nano=5))
    drainer.flush()
    assert [call.id for call in ledger_of.open_calls("default")] == ["1"]
    recorder.record(Progress("1", "default", 3, 10, 5))
    drainer.flush()
    recorder.record(settled(charge_id="1", cost_nano=6))
    drainer.flush()
    assert waiting(store) == 0
    assert rows_of(store)["default", "key:abc", DAY] == (11, 240, 2)


@pytest.fixture
def told() -> list[tuple[list[Charge], bool]]:
    return []


@pytest.fixture
def heir(spool: Spool, store: Store, settings: Settings, told: list[tuple[list[Charge], bool]]) -> Drainer:
    """A drainer that takes over, and tells what it charged."""

    def posted(charges: Sequence[Charge], *, foreign: bool) -> None:
        told.append((list(charges), foreign))

    return Drainer(spool, store, settings.home, posted=posted, clock=lambda: AT)


@pytest.mark.parametrize("drained_before", [False, True])
def test_what_a_dead_process_left_open_is_charged(
    settings: Settings, store: Store, heir: Drainer, told: list[tuple[list[Charge], bool]], ledger_of: Ledger,
    drained_before: bool,
) -> None:  # fmt: skip
    dead = Spool.open(settings.home, 10_000_000)
    recorder = SpoolRecorder(dead)
    recorder.record(reserved("bound"))
    recorder.record(reserved("partly"))
    recorder.record(reserved("done"))
    if drained_before:
        Drainer(dead, store, settings.home, clock=lambda: AT).flush()
        assert waiting(store) == 3
    recorder.record(Progress("partly", "default", 100, 40, 10))
    recorder.record(Progress("partly", "default", 150, 40, 30))
    recorder.record(settled(charge_id="done", cost_nano=700))
    dead.close()
    heir.start()
    heir.stop()
    entries = {entry.id: entry for entry in ledger_of.entries().entries}
    assert {name: (e.kind, e.nano, e.input_tokens, e.output_tokens) for name, e in entries.items()} == {
        "bound": ("orphan", 900, 500, 0), "partly": ("orphan", 150, 40, 30), "done": ("call", 700, 100, 20),
    }  # fmt: skip
    assert "charged the reserved bound" in entries["bound"].note
    assert "charged the recorded output" in entries["partly"].note
    assert entries["partly"].estimated
    assert waiting(store) == 0
    assert {charge.id for charges, _ in told for charge in charges} == {"bound", "partly", "done"}
    assert all(foreign for _, foreign in told)
    assert rows_of(store)["default", "key:abc", DAY] == (1750, 690, 3)


def test_recorded_output_without_a_price_does_not_undercut_a_known_bound(
    settings: Settings, store: Store, heir: Drainer, ledger_of: Ledger
) -> None:
    dead = Spool.open(settings.home, 10_000_000)
    for note in (reserved("1"), Progress("1", "default", None, 40, 30)):
        SpoolRecorder(dead).record(note)
    dead.close()
    heir.start()
    heir.stop()
    assert [(e.nano, e.input_tokens) for e in ledger_of.entries().entries] == [(900, 500)]


def test_a_lost_host_is_charged_the_bound_and_corrected_should_it_come_back(
    spool: Spool, store: Store, settings: Settings, ledger_of: Ledger
) -> None:
    now = [AT]
    elsewhere = Spool.open(settings.home / "another-host", 10_000_000)
    far = Drainer(elsewhere, store, settings.home / "another-host", clock=lambda: AT)
    SpoolRecorder(elsewhere).record(reserved("1"))
    far.flush()
    here = Drainer(spool, store, settings.home, clock=lambda: now[0])
    here.flush()
    assert waiting(store) == 1
    now[0] += 60_000_000 + LOST_AFTER_US + 1
    here.flush()
    assert rows_of(store)["default", "key:abc", DAY] == (900, 500, 1)
    for _ in range(2):
        SpoolRecorder(elsewhere).record(settled(charge_id="1", cost_nano=650))
        far.flush()
    assert rows_of(store)["default", "key:abc", DAY] == (650, 120, 1)
    assert [(e.id, e.kind, e.nano) for e in ledger_of.entries().entries] == [
        ("1+", "adjustment", -250), ("1", "orphan", 900)
    ]  # fmt: skip
    assert ledger_of.rebuild().corrected == 0
    here.stop()
    far.stop()
    elsewhere.close()


def test_a_lost_host_is_charged_by_one_that_has_nothing_to_do(
    spool: Spool, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one whose clock was set back after it had looked the last time."""
    monkeypatch.setattr("pilothouse.observe.arrival.ingest.JANITOR_SECONDS", 0.01)
    end, told, charged = AT + 60_000_000 + LOST_AFTER_US, threading.Event(), threading.Event()
    now = [end + 3_600_000_000]
    elsewhere = Spool.open(settings.home / "another-host", 10_000_000)
    far = Drainer(elsewhere, store, settings.home / "another-host", clock=lambda: AT)
    here = Drainer(
        spool, store, settings.home, posted=lambda charges, foreign: charged.set() if foreign else None,
        clock=lambda: told.set() or now[0],
    )  # fmt: skip
    here.start()
    assert told.wait(10)
    now[0] = end + 1
    SpoolRecorder(elsewhere).record(reserved("1"))
    far.flush()
    assert charged.wait(10)
    here.stop()
    far.stop()
    elsewhere.close()


def test_reading_the_ledger(write: Write, ledger_of: Ledger) -> None:
    for number in range(5):
        accounts = [*ACCOUNTS, "user:default/ada%"] if number % 2 else ACCOUNTS
        at = AT + number * 86_400_000_000
        write([settled(charge_id=new_id(at), cost_nano=number, start_us=at, accounts=accounts)])
    assert [row.nano for row in ledger_of.spend("key:abc", DAY + 1, DAY + 4)] == [1, 2, 3]
    assert [row.nano for row in ledger_of.spend("org:acme", DAY, DAY + 9)] == [0, 1, 2, 3, 4]
    page = ledger_of.entries(limit=2)
    assert [entry.nano for entry in page.entries] == [4, 3]
    page = ledger_of.entries(limit=3, before=page.next)
    assert [entry.nano for entry in page.entries] == [2, 1, 0]
    assert page.next is None
    assert [e.nano for e in ledger_of.entries(account="user:default/ada%").entries] == [3, 1]
    assert ledger_of.entries(account="user:default/%").entries == []
    assert [e.nano for e in ledger_of.entries(since_day=DAY + 1, until_day=DAY + 3, kind="call").entries] == [2, 1]
    assert ledger_of.entries(kind="orphan").entries == []
    page = ledger_of.entries(account="user:default/ada%", limit=1)
    assert [e.nano for e in ledger_of.entries(account="user:default/ada%", before=page.next).entries] == [1]
    assert ledger_of.entries(account="user:default/ada%", since_day=DAY + 4).entries == []
    dearest = ledger_of.accounts(DAY, DAY + 9)
    assert (dearest[0].nano, dearest[0].tokens, dearest[0].calls) == (10, 600, 5)
    assert [row.account for row in ledger_of.accounts(DAY, DAY + 9, prefix="user:")] == ["user:default/ada%"]


def test_entries_of_an_account_are_found_wherever_its_days_lie(write: Write, ledger_of: Ledger) -> None:
    """Runs of days, gaps, and calls that were reserved in the next day."""
    days = [0, 1, 2, 5, 6, 20, 400]
    for number in days:
        at = AT + number * 86_400_000_000
        write([settled(charge_id=new_id(at + 80_000_000_000), cost_nano=number, start_us=at)])
    assert [e.nano for e in ledger_of.entries(account="org:acme").entries] == days[::-1]
    page = ledger_of.entries(account="org:acme", limit=3)
    assert [e.nano for e in page.entries] == [400, 20, 6]
    assert [e.nano for e in ledger_of.entries(account="org:acme", limit=3, before=page.next).entries] == [5, 2, 1]


def test_nobodys_entries_are_not_looked_for(write: Write, store: Store, ledger_of: Ledger) -> None:
    """Of accounts without a balance the ledger is not read, of others by its primary key."""
    write([settled(charge_id=new_id(AT), cost_nano=1)])
    statements: list[str] = []
    event.listen(store.observe, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert ledger_of.entries(account="key:nobody").entries == []
    assert not any("FROM ledger" in statement for statement in statements)
    if store.observe.dialect.name == "sqlite":
        assert len(ledger_of.entries(account="key:abc").entries) == 1
        with store.observe.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statements[-1]}", ("",) * 6).all()
        assert any("(project_id=? AND id>? AND id<?)" in step[3] for step in plan)


def test_which_calls_are_entered(write: Write, ledger_of: Ledger) -> None:
    assert ledger_of.entered("*", ["1"]) == set()
    write([settled(charge_id="1"), settled(charge_id="2"), settled(charge_id="3", project_id="other")])
    assert ledger_of.entered("default", ["1", "3", "4"]) == {"1"}
    assert ledger_of.entered("*", ["1", "3", "4"]) == {"1", "3"}


def test_sums_grow_in_version_with_every_change(write: Write, ledger_of: Ledger) -> None:
    places = [Place("default", "key:abc", DAY, DAY + 1), Place("*", "org:acme", 0, DAY), Place("x", "key:none", 0, 9)]
    versions = []
    for nano in (5, 6):
        write([settled(cost_nano=nano)])
        found = ledger_of.spent(places)
        versions.append(found[0].version)
    assert (found[0].nano, found[0].tokens) == (11, 240)
    assert found[1:] == [(0, 0, 0), (0, 0, 0)]
    assert versions[0] < versions[1]


def test_balances_made_anew_from_the_ledger_equal_what_they_were(write: Write, store: Store, ledger_of: Ledger) -> None:
    write([settled(cost_nano=nano, start_us=AT + nano * 40_000_000_000) for nano in range(7)])
    write([settled(cost_nano=None, cost_known=False), settled(cost_nano=None, cost_known=False, usage=None)])
    before, place = rows_of(store), Place("default", "key:abc", 0, 10**6)
    assert ledger_of.rebuild().corrected == 0
    assert rows_of(store) == before
    version = ledger_of.spent([place])[0].version
    with store.observe.begin() as connection:
        connection.execute(update(balances).where(balances.c.account == "key:abc").values(nano=12345))
        connection.execute(balances.delete().where(balances.c.account == "org:acme"))
        connection.execute(
            insert(balances).values(project_id="x", account="key:ghost", day=1, nano=1, tokens=1, calls=1, version=1)
        )
        connection.execute(update(balances).where(balances.c.account == "project:default").values(unpriced=7))
    found = ledger_of.rebuild()
    assert found.entries == 9
    assert found.corrected >= 9
    after = rows_of(store)
    assert after.pop(("x", "key:ghost", 1)) == (0, 0, 0)
    assert after == before
    for account in ACCOUNTS:
        assert sum(day.unpriced for day in ledger_of.spend(account, 0, 10**6)) == 1, account
    assert ledger_of.spent([place])[0].version > version


def test_hostile_accounts_and_absurd_figures_are_charged(write: Write, store: Store) -> None:
    nasty = 'user:default/"\0\\%_\u202e' + "".join(chr(0x10000 + n) for n in range(10_000))
    write([settled(accounts=[nasty], cost_nano=2**62, usage=Usage(2**62, 2**62)) for _ in range(3)])
    write([settled(cost_nano=1)])
    with store.observe.connect() as connection:
        assert connection.execute(select(func.count()).select_from(ledger)).scalar_one() == 4
    assert rows_of(store)["default", "key:abc", DAY][0] == 1
    assert len(rows_of(store)) == 5


def test_a_charge_that_the_database_refuses_does_not_stop_the_others(
    spool: Spool, drainer: Drainer, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pilothouse.observe.costs.charges._MOST_NANO", 2**64)
    recorder = SpoolRecorder(spool)
    recorder.record(settled(cost_nano=1))
    recorder.record(settled(cost_nano=2**63))
    recorder.record(settled(cost_nano=2))
    drainer.flush()
    assert drainer.rejects.count == 2  # as a span, and as a charge
    assert rows_of(store)["default", "key:abc", DAY] == (3, 240, 2)
