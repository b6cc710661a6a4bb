"""Moves spans from spools to the database: one thread, batches, rows and spool cursor in one transaction.

A span that settles a call is charged in that same transaction. A span that arrives twice counts once. While the
database is locked or away the spool grows and nothing is lost. The spools of dead processes are taken over, and the
calls that they left open are charged. Knows nothing of who records, nor of budgets.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.ids import now_us
from pilothouse.observe.arrival.batch import Batch, Rejects
from pilothouse.observe.costs.charges import Charge
from pilothouse.observe.costs.reserved import charge_expired, charge_spool
from pilothouse.observe.metrics import Metrics
from pilothouse.observe.sums import backfill
from pilothouse.storage.database import Store, writing
from pilothouse.storage.payload_days import day_of
from pilothouse.storage.segments import Cursor
from pilothouse.storage.spool import Orphan, Spool, orphans
from pilothouse.storage.tables import spool_cursors, upsert

__all__ = ["Drainer", "Lag", "Posted", "Written"]

BATCH_RECORDS = 1000
COLLECT_SECONDS = 0.2
LONGEST_BACKOFF = 30.0
JANITOR_SECONDS = 600.0

_logger = logging.getLogger(__name__)

Written = Callable[[Connection, Sequence[tuple[object, ...]]], None]
"""Told of the rows of spans (observe.rows) within the transaction that writes them."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the database is behind: bytes that wait in spools, and for how many seconds something has waited.

    `problem` is what the last attempt died of, None while all is well.
    """

    bytes: int
    seconds: float
    problem: str | None


class Posted(Protocol):
    """Told of the charges that were just committed, from the drainer's thread. `foreign` ones come from processes that
    are gone. It may read the database, and must not raise."""

    def __call__(self, charges: Sequence[Charge], *, foreign: bool) -> None: ...


class Drainer:
    """Empties this process's spool, and those of dead processes under `home`, into `store`.

    Also brings the spool to the disk every 200 ms while it grows: what a power cut may cost. `start` and `stop` once;
    `flush` and `lag` at any time, from any thread. Every ten minutes it charges calls whose host is lost.
    """

    def __init__(
        self,
        spool: Spool,
        store: Store,
        home: Path,
        metrics: Metrics | None = None,
        posted: Posted | None = None,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self.rejects = Rejects(home / "rejected-spans.jsonl")
        self._own = _Source(spool)
        self._spool = spool
        self._store = store
        self._home = home
        self._orphans: list[_Source] = []
        self._problem: str | None = None
        self._caught_up = time.monotonic()
        self._posted = posted
        self.written: list[Written] = []
        self._clock = clock
        self._swept_us: int | None = None
        self._summing = True
        self._draining = threading.Lock()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pilothouse-drainer", daemon=True)
        if metrics is not None:
            self._show(metrics)

    def start(self) -> None:
        self.take_over()
        self._woken.set()
        self._thread.start()

    def take_over(self) -> None:
        """Claim the spools of dead processes. The next flush empties them, and charges what they left open."""
        self._orphans += [_Source(orphan) for orphan in orphans(self._home)]

    def wake(self) -> None:
        """Say that something was appended. Cheap enough for every span."""
        if not self._woken.is_set():
            self._woken.set()

    def flush(self) -> None:
        """Move everything appended so far; once this returns it can be queried. Raises StorageError if it cannot."""
        with self._draining:
            self._drain()

    def stop(self) -> None:
        """Flush and end. What the database does not take stays in the spool, for the next start."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self.flush()
            self._forget(self._own, foreign=False)
        except Exception as error:  # noqa: BLE001 - stopping must go on; the spool keeps what could not be moved
            waiting = self._own.unread_bytes
            _logger.error("%d bytes of spans stay in the spool until the next start: %s", waiting, error)
        for source in self._orphans:
            source.release()

    @property
    def lag(self) -> Lag:
        waiting = sum(source.unread_bytes for source in (self._own, *self._orphans))
        return Lag(waiting, time.monotonic() - self._caught_up if waiting else 0.0, self._problem)

    def _run(self) -> None:
        backoff = COLLECT_SECONDS
        while not self._stopping.is_set():
            self._woken.wait(JANITOR_SECONDS)
            self._stopping.wait(backoff)
            self._woken.clear()
            try:
                self.flush()
                if self._summing and self._sum_up():
                    self._woken.set()
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread must live on to try again
                backoff = min(LONGEST_BACKOFF, 2 * backoff)
                self._report(error, backoff)
                self._woken.set()
            else:
                backoff = COLLECT_SECONDS
                self._problem = None

    def _sum_up(self) -> bool:
        """A part of what an upgrade left to be summed up; False once that is done."""
        with self._draining, writing(self._store.observe) as connection:
            self._summing = backfill.step(connection)
        return self._summing

    def _report(self, error: Exception, backoff: float) -> None:
        """Log a new problem once, not at each attempt."""
        if str(error) != self._problem:
            _logger.error("Spans wait in the spool; next attempt in %.1f s, and so on: %s", backoff, error)
        self._problem = str(error)

    def _drain(self) -> None:
        self._spool.sync()
        began = time.monotonic()
        self._empty(self._own)
        for source in list(self._orphans):
            while self._move(source):
                self._empty(self._own)
            self._forget(source, foreign=True)
            source.remove()
            self._orphans.remove(source)
        self._sweep()
        self._caught_up = began

    def _empty(self, source: "_Source") -> None:
        """Move what is there now. What comes meanwhile waits for the next time: by ever smaller batches we would follow
        the appending threads, and each batch costs a transaction."""
        end = source.end
        while source.cursor < end and self._move(source):
            pass

    def _move(self, source: "_Source") -> bool:
        """Move one batch; False when there was nothing to move."""
        batch, cursor = source.next(self._store, self.rejects)
        if cursor == source.cursor:
            return False
        with writing(self._store.observe) as connection:
            charges = batch.write(connection, self.rejects, source.name, self._store.payloads)
            for tell in self.written:
                tell(connection, batch.spans)
            row = {"project_id": DEFAULT_PROJECT, "spool": source.name, "segment": cursor[0], "offset": cursor[1]}
            connection.execute(upsert(connection, spool_cursors), row)
        if source.starts_segment(cursor):
            self._settle()
        source.moved(cursor)
        self._tell(charges, foreign=source is not self._own)
        return True

    def _forget(self, source: "_Source", *, foreign: bool) -> None:
        """Drop the cursor of a spool that is about to be removed, once its rows are safe on the disk, and charge the
        calls that it began and never ended."""
        if source.unread_bytes == 0:
            self._settle()
            with writing(self._store.observe) as connection:
                charges = charge_spool(connection, source.name)
                connection.execute(delete(spool_cursors).where(spool_cursors.c.spool == source.name))
            self._tell(charges, foreign=foreign)

    def _sweep(self) -> None:
        """Charge the calls of lost hosts, now and then; also once the clock was set back."""
        now = self._clock()
        if self._swept_us is None or not 0 <= now - self._swept_us < JANITOR_SECONDS * 1e6:
            with writing(self._store.observe) as connection:
                charges = charge_expired(connection, now)
            self._swept_us = now
            self._tell(charges, foreign=True)

    def _tell(self, charges: Sequence[Charge], *, foreign: bool) -> None:
        if charges and self._posted is not None:
            self._posted(charges, foreign=foreign)

    def _settle(self) -> None:
        """Bring SQLite's last commits to the disk (its WAL is not synced at each), before the spool's copy goes."""
        if self._store.observe.dialect.name != "sqlite":
            return
        self._store.payloads.settle()
        connection = self._store.observe.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()

    def _show(self, metrics: Metrics) -> None:
        spool = self._spool
        metrics.pull("gauge", "pilothouse_spool_bytes", "Bytes waiting in spools.", lambda: self.lag.bytes)
        metrics.pull("gauge", "pilothouse_spool_lag_seconds", "Age of what waits.", lambda: self.lag.seconds)
        metrics.pull("counter", "pilothouse_spans_dropped", "Spans a full spool refused.", lambda: spool.dropped)
        metrics.pull("counter", "pilothouse_spans_rejected", "Spans set aside in a file.", lambda: self.rejects.count)
        metrics.pull(
            "counter", "pilothouse_spool_damage", "Damaged places in spools.", lambda: spool.torn + spool.corrupt
        )


class _Source:
    """A spool being read: where we are, and the batch that was decoded but not written yet."""

    def __init__(self, segments: Spool | Orphan) -> None:
        self._segments = segments
        self._pending: tuple[Batch, Cursor] | None = None
        self._cursor: Cursor | None = None

    @property
    def name(self) -> str:
        return self._segments.name

    @property
    def cursor(self) -> Cursor:
        return self._cursor or Cursor()

    @property
    def end(self) -> Cursor:
        return self._segments.end

    @property
    def unread_bytes(self) -> int:
        return self._segments.unread_bytes(self.cursor)

    def next(self, store: Store, rejects: Rejects) -> tuple[Batch, Cursor]:
        """The batch to write and the cursor that goes with it; the same again until `moved` is called."""
        if self._cursor is None:
            self._cursor = self._stored_cursor(store)
        if self._pending is None:
            records, cursor = self._segments.read(self._cursor, BATCH_RECORDS)
            if cursor == self._cursor:
                return Batch(), cursor
            self._pending = (Batch.decode(records, rejects, store.packer, day_of(now_us())), cursor)
        return self._pending

    def starts_segment(self, cursor: Cursor) -> bool:
        return cursor.segment != self.cursor.segment

    def moved(self, cursor: Cursor) -> None:
        self._cursor, self._pending = cursor, None
        self._segments.discard(cursor)

    def remove(self) -> None:
        if isinstance(self._segments, Orphan):
            self._segments.remove()

    def release(self) -> None:
        if isinstance(self._segments, Orphan):
            self._segments.release()

    def _stored_cursor(self, store: Store) -> Cursor:
        query = select(spool_cursors.c.segment, spool_cursors.c.offset).where(spool_cursors.c.spool == self.name)
        with store.observe.connect() as connection:
            row = connection.execute(query).first()
        return Cursor(*row) if row else Cursor()
