"""From the spool to the database: nothing lost, nothing twice, whatever happens on the way."""

import base64
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, func, select

from pilothouse.errors import StorageError
from pilothouse.observe import Drainer, Metrics, SpoolRecorder, Traces
from pilothouse.observe.arrival import ingest
from pilothouse.observe.rows import COLUMNS
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.storage.tables import manifests, spans, spool_cursors
from pilothouse.types import Usage

from ..conftest import Write
from ..making import VERSIONS, full_span, step


def _count(store: Store, table: Any = spans) -> int:
    with store.observe.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _bodies(store: Store) -> int:
    """How many bodies are kept, on every day."""
    with store.observe.connect() as connection:
        days = [size.day for size in store.payloads.sizes(connection)]
    count = 0
    for day in days:
        with store.payloads.engine(day).connect() as connection:
            count += connection.scalar(select(func.count()).select_from(store.payloads.table(day))) or 0
    return count


@contextmanager
def _commits_fail(store: Store, error: Exception) -> Iterator[None]:
    def refuse(_: object) -> None:
        raise error

    event.listen(store.observe, "commit", refuse)
    try:
        yield
    finally:
        event.remove(store.observe, "commit", refuse)


def test_the_columns_are_those_of_the_table() -> None:
    assert tuple(column.name for column in spans.columns) == (*COLUMNS, "day")


def test_a_span_comes_back_as_it_was(write: Write, traces: Traces) -> None:
    span = full_span()
    write([span])
    assert traces.get(span.trace_id).spans == [span]


def test_a_bare_span_comes_back_as_it_was(write: Write, traces: Traces) -> None:
    span = step("a", cost_known=False, status="error", error_code="x", error_message="y")
    write([span])
    assert traces.get("t").spans == [span]


def test_a_span_that_arrives_twice_counts_once(write: Write, store: Store) -> None:
    span = full_span()
    write([span, span])
    write([span])
    assert _count(store) == _bodies(store) == 1


def test_manifests_are_stored_once(write: Write, store: Store) -> None:
    write([full_span() for _ in range(5)])
    write([full_span()])
    with store.observe.connect() as connection:
        stored = connection.execute(select(manifests.c.versions)).scalars().all()
    assert [json.loads(text) for text in stored] == [VERSIONS]


def test_a_span_without_payload_has_no_payload_row(write: Write, store: Store) -> None:
    write([full_span(input=None, output=None), full_span(output=None)])
    assert _bodies(store) == 1


def test_more_than_a_batch(write: Write, store: Store) -> None:
    write([step(str(i)) for i in range(2 * ingest.BATCH_RECORDS + 7)])
    assert _count(store) == 2 * ingest.BATCH_RECORDS + 7


def test_hostile_text_is_stored(write: Write, traces: Traces) -> None:
    nasty = "<script>\0\u202e" + "x" * 100_000
    span = full_span(user_id="nul\0nul", error_message=nasty, attributes={"a\0b": "c\0d"}, input={"text": nasty})
    write([span])
    kept = traces.get(span.trace_id).spans[0]
    assert kept.user_id == "nul\ufffdnul"
    assert kept.error_message == nasty.replace("\0", "\ufffd")
    assert kept.attributes == {"a\0b": "c\0d"}
    assert kept.input == {"text": nasty}


def test_absurd_figures_are_stored(write: Write, traces: Traces) -> None:
    span = full_span(usage=Usage(2**40, 2**40), cost_nano=2**62, ttft_us=2**62)
    write([span])
    kept = traces.get(span.trace_id).spans[0]
    assert kept.usage is not None
    assert kept.usage.input_tokens == 2**31 - 1
    assert kept.cost_nano == 2**62


def test_a_record_that_cannot_be_read_is_set_aside(
    spool: Spool, drainer: Drainer, write: Write, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    spool.append(b"no span")
    spool.append(msgspec.msgpack.encode({"id": 5}))
    write([full_span()])
    assert _count(store) == 1
    assert drainer.rejects.count == 2
    lines = [json.loads(line) for line in drainer.rejects.path.read_text().splitlines()]
    assert base64.b64decode(lines[0]["record"]) == b"no span"
    assert "rejected-spans.jsonl" in caplog.text


def test_a_row_that_the_database_refuses_is_set_aside(
    spool: Spool, drainer: Drainer, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = SpoolRecorder(spool)
    recorder.record(full_span())
    too_large = msgspec.to_builtins(full_span()) | {"cost_nano": 2**63}
    spool.append(msgspec.msgpack.encode(too_large))
    recorder.record(full_span())
    drainer.flush()
    assert _count(store) == _bodies(store) == 2
    assert drainer.rejects.count == 1


def test_a_failed_commit_moves_neither_rows_nor_cursor(
    write: Write, spool: Spool, drainer: Drainer, store: Store
) -> None:
    write([full_span()])
    SpoolRecorder(spool).record(full_span())
    with _commits_fail(store, StorageError("the database is away")), pytest.raises(StorageError):
        drainer.flush()
    assert _count(store) == 1
    assert drainer.lag.bytes > 0
    drainer.flush()
    assert _count(store) == 2
    assert drainer.lag.bytes == 0


def test_poison_is_set_aside_once_however_often_the_write_is_tried(
    spool: Spool, drainer: Drainer, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    spool.append(b"poison")
    SpoolRecorder(spool).record(full_span())
    for _ in range(3):
        with _commits_fail(store, StorageError("away")), pytest.raises(StorageError):
            drainer.flush()
    drainer.flush()
    assert drainer.rejects.count == 1
    assert len(drainer.rejects.path.read_text().splitlines()) == 1
    assert _count(store) == 1


def test_room_in_the_spool_comes_back(settings: Settings, store: Store) -> None:
    spool = Spool.open(settings.home, 300_000)
    drainer = Drainer(spool, store, settings.home)
    recorder = SpoolRecorder(spool)
    for _ in range(4):
        for _ in range(150):
            recorder.record(full_span())
        drainer.flush()
    assert _count(store) == 600
    assert len(list(spool.directory.glob("*.log"))) == 1
    drainer.stop()
    spool.close()
    assert not spool.directory.exists()


def test_a_spool_goes_on_where_its_cursor_stands(write: Write, spool: Spool, store: Store, settings: Settings) -> None:
    write([step("a"), step("b")])
    again = Drainer(spool, store, settings.home)
    moved: list[int] = []
    event.listen(store.observe, "before_cursor_execute", lambda *_: moved.append(1) if "INTO spans" in _[2] else None)
    again.flush()
    assert moved == []
    SpoolRecorder(spool).record(step("c"))
    again.flush()
    assert _count(store) == 3


def test_the_spool_of_a_dead_process_is_taken_over(
    settings: Settings, store: Store, drainer: Drainer, wait_for: Callable[..., None]
) -> None:
    dead = Spool.open(settings.home, 10_000_000)
    recorder = SpoolRecorder(dead)
    for i in range(20):
        recorder.record(step(str(i)))
    dead.close()
    assert dead.directory.exists()
    drainer.start()
    wait_for(lambda: not dead.directory.exists())
    drainer.flush()
    assert _count(store) == 20
    with store.observe.connect() as connection:
        names = connection.execute(select(spool_cursors.c.spool)).scalars().all()
    assert dead.name not in names


def test_the_thread_moves_what_it_is_woken_for(
    spool: Spool, drainer: Drainer, store: Store, wait_for: Callable[..., None]
) -> None:
    drainer.start()
    SpoolRecorder(spool, drainer.wake).record(full_span())
    wait_for(lambda: _count(store) == 1)


def test_the_thread_outlives_an_outage(
    spool: Spool, drainer: Drainer, store: Store, wait_for: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(ingest, "LONGEST_BACKOFF", 0.01)
    drainer.start()
    with _commits_fail(store, RuntimeError("something nobody thought of")):
        SpoolRecorder(spool, drainer.wake).record(full_span())
        wait_for(lambda: drainer.lag.problem is not None)
        assert drainer.lag.bytes > 0
        assert drainer.lag.seconds > 0
    wait_for(lambda: _count(store) == 1)
    wait_for(lambda: drainer.lag.problem is None)
    assert caplog.text.count("something nobody thought of") == 1


def test_stopping_flushes(spool: Spool, store: Store, home: Path) -> None:
    drainer = Drainer(spool, store, home)
    drainer.start()
    SpoolRecorder(spool, drainer.wake).record(full_span())
    drainer.stop()
    assert _count(store) == 1
    assert _count(store, spool_cursors) == 0


def test_stopping_while_the_database_is_away_keeps_the_spool(
    settings: Settings, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool.open(settings.home, 10_000_000)
    drainer = Drainer(spool, store, settings.home)
    SpoolRecorder(spool).record(full_span())
    with _commits_fail(store, StorageError("away")):
        drainer.stop()
    spool.close()
    assert "stay in the spool" in caplog.text
    second = Spool.open(settings.home, 10_000_000)
    heir = Drainer(second, store, settings.home)
    heir.start()
    heir.stop()
    second.close()
    assert _count(store) == 1


def test_a_locked_database_is_waited_for(tmp_path: Path, wait_for: Callable[..., None]) -> None:
    """A real lock of another process's connection, not a fake error."""
    from pilothouse.storage import open_store

    settings = Settings(home=tmp_path / "home")
    store = open_store(settings)
    spool = Spool.open(settings.home, 10_000_000)
    drainer = Drainer(spool, store, settings.home)
    other = sqlite3.connect(settings.home / "observe.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    drainer.start()
    SpoolRecorder(spool, drainer.wake).record(full_span())
    wait_for(lambda: drainer.lag.bytes > 0)
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: drainer.lag.bytes == 0)
    assert _count(store) == 1
    drainer.stop()
    spool.close()
    store.close()


def test_recording_from_many_threads(spool: Spool, drainer: Drainer, store: Store) -> None:
    drainer.start()
    recorder = SpoolRecorder(spool, drainer.wake)

    def record(worker: int) -> None:
        for i in range(200):
            recorder.record(step(f"{worker}-{i}"))

    threads = [threading.Thread(target=record, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drainer.flush()
    assert _count(store) == 1600


def test_figures_for_prometheus(spool: Spool, store: Store, home: Path) -> None:
    metrics = Metrics()
    drainer = Drainer(spool, store, home, metrics)
    SpoolRecorder(spool).record(full_span())
    waiting = f"pilothouse_spool_bytes {float(drainer.lag.bytes)}"
    assert waiting in metrics.render().decode()
    drainer.flush()
    shown = metrics.render().decode()
    assert "pilothouse_spool_bytes 0.0" in shown
    assert "pilothouse_spans_rejected_total 0.0" in shown
    drainer.stop()
