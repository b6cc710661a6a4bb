"""Batches, as those see them who work them off: claim one, keep the claim alive, write results, end it.

A claim is a lease with a name of its own and an end. Results are written under it, in the transaction that looks
whether it still holds, and the primary key (batch, number) admits one for each request: so that a worker which was
given up for dead writes nothing more, and whoever goes on has each result once. Leases are compared with the worker's
clock.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import delete, or_, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.ids import new_id, now_us
from pilothouse.storage.batches import Batch, batch_from, is_batch, stamped
from pilothouse.storage.database import writing
from pilothouse.storage.files import FINISHED, FileWriter, complete_file
from pilothouse.storage.tables import batch_items, batches, insert_new
from pilothouse.types import Json, Usage

__all__ = ["BatchLeases", "Result", "Standing"]

Standing = Literal["held", "cancel", "lost"]
_SECOND = 1_000_000
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one request: its line of the output or, where it failed, of the error file."""

    number: int
    line: bytes
    failed: bool = False
    usage: Usage | None = None


class BatchLeases:
    """Claims on batches. `seconds` is how long one lasts without renewal. All methods block."""

    def __init__(self, engine: Engine, *, seconds: float = 30.0, clock: Callable[[], int] = now_us) -> None:
        self._engine = engine
        self._length_us = int(seconds * _SECOND)
        self._clock = clock
        self.seconds = seconds

    def claim(self) -> Batch | None:
        """The oldest batch that has not ended and that nobody works on, now under a lease of ours."""
        now = self._clock()
        free = or_(batches.c.lease.is_(None), batches.c.lease_until_us < now)
        first = select(batches).where(batches.c.status.not_in(FINISHED), free).order_by(batches.c.id).limit(1)
        with self._engine.connect() as connection:
            if connection.execute(first).one_or_none() is None:
                return None
        with writing(self._engine) as connection:
            row = connection.execute(first.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            taken = {"lease": new_id(), "lease_until_us": now + self._length_us}
            changed = update(batches).where(*is_batch(batch_from(row))).values(taken).returning(*batches.c)
            return batch_from(connection.execute(changed).one())

    def renew(self, batch: Batch) -> Standing:
        """Extend the lease; tells whether the batch is still ours and should go on."""
        values = {"lease_until_us": self._clock() + self._length_us}
        with writing(self._engine) as connection:
            return _standing(connection.execute(_change(batch, values).returning(batches.c.status)).one_or_none())

    def begin(self, batch: Batch, total: int, model: str | None, lane: str, vendor: Json | None) -> Batch | None:
        """Its input is good. None where it is not ours any more, or is to be cancelled."""
        values = {
            "total": total, "model": model, "lane": lane,
            "vendor": None if vendor is None else msgspec.json.encode(vendor).decode(),
        }  # fmt: skip
        return self._become(batch, "in_progress", ("validating", "in_progress"), values)

    def note_vendor(self, batch: Batch, vendor: Json) -> bool:
        """Keep what is known of the batch at the vendor. False where the lease is lost."""
        with writing(self._engine) as connection:
            values = {"vendor": msgspec.json.encode(vendor).decode()}
            return connection.execute(_change(batch, values)).rowcount == 1

    def add(self, batch: Batch, results: Sequence[Result]) -> Standing:
        """Write results, each unless there is one for its number already. Nothing where the lease is lost."""
        with writing(self._engine) as connection:
            row = connection.execute(select(batches).where(*_held(batch)).with_for_update()).one_or_none()
            if row is None:
                return "lost"
            entered = _insert(connection, batch, results)
            new = [result for result in results if result.number in entered]
            if new:
                now, usages = batch_from(row), [result.usage for result in new if result.usage is not None]
                values: dict[str, Any] = {
                    "completed": row.completed + sum(not result.failed for result in new),
                    "failed": row.failed + sum(result.failed for result in new),
                }
                if usages:
                    values["usage"] = msgspec.json.encode(now.with_usage(usages)).decode()
                connection.execute(_change(batch, values))
            return _standing(row)

    def done(self, batch: Batch) -> set[int]:
        """The numbers that have their result."""
        with self._engine.connect() as connection:
            return set(connection.scalars(select(batch_items.c.number).where(*_items(batch))))

    def lines(self, batch: Batch, *, failed: bool) -> Iterator[bytes]:
        """The lines of one of its files, in the order of the requests."""
        last = -1
        wanted = (*_items(batch), batch_items.c.failed == failed)
        while True:
            page = select(batch_items.c.number, batch_items.c.line).where(*wanted, batch_items.c.number > last)
            with self._engine.connect() as connection:
                rows = connection.execute(page.order_by(batch_items.c.number).limit(_PAGE)).all()
            if not rows:
                return
            for row in rows:
                yield row.line
            last = rows[-1].number

    def finalizing(self, batch: Batch) -> Batch | None:
        """All its results are there. None where it is not ours any more."""
        return self._become(batch, "finalizing", ("validating", "in_progress", "finalizing"), {})

    def finish(
        self, batch: Batch, status: str, output: FileWriter | None = None, error: FileWriter | None = None,
        errors: list[Json] | None = None,
    ) -> bool:  # fmt: skip
        """It has ended; its files, which are flushed, are there from now on. False where the lease was lost."""
        with writing(self._engine) as connection:
            row = connection.execute(select(batches).where(*_held(batch)).with_for_update()).one_or_none()
            if row is None:
                return False
            now = batch_from(row)
            values: dict[str, Any] = {
                "status": status, "lease": None, "lease_until_us": None,
                "times": stamped(now, status, self._clock()),
                "output_file_id": output and output.id, "error_file_id": error and error.id,
            }  # fmt: skip
            if errors is not None:
                values["errors"] = msgspec.json.encode(errors).decode()
            connection.execute(_change(batch, values))
            for writer in (output, error):
                if writer is not None:
                    complete_file(connection, batch.project_id, writer)
            connection.execute(delete(batch_items).where(*_items(batch)))
        return True

    def release(self, batch: Batch) -> None:
        """Let another go on with it: this worker shuts down."""
        with writing(self._engine) as connection:
            connection.execute(_change(batch, {"lease": None, "lease_until_us": None}))

    def _become(self, batch: Batch, status: str, before: tuple[str, ...], values: dict[str, Any]) -> Batch | None:
        with writing(self._engine) as connection:
            row = connection.execute(select(batches).where(*_held(batch)).with_for_update()).one_or_none()
            if row is None or row.status not in before:
                return None
            values = {**values, "status": status, "times": stamped(batch_from(row), status, self._clock())}
            return batch_from(connection.execute(_change(batch, values).returning(*batches.c)).one())


def _items(batch: Batch) -> tuple[Any, ...]:
    return batch_items.c.project_id == batch.project_id, batch_items.c.batch_id == batch.id


def _held(batch: Batch) -> tuple[Any, ...]:
    """The batch's row, while the lease under which it was claimed is the one that counts."""
    return *is_batch(batch), batches.c.lease == batch.lease, batches.c.status.not_in(FINISHED)


def _change(batch: Batch, values: dict[str, Any]) -> Any:
    return update(batches).where(*_held(batch)).values(values)


def _standing(row: Any) -> Standing:
    if row is None:
        return "lost"
    return "cancel" if row.status == "cancelling" else "held"


def _insert(connection: Connection, batch: Batch, results: Sequence[Result]) -> set[int]:
    """The numbers that had no result before."""
    rows = [
        {
            "project_id": batch.project_id, "batch_id": batch.id, "number": result.number, "failed": result.failed,
            "line": result.line,
        }
        for result in results
    ]  # fmt: skip
    if not rows:
        return set()
    return set(connection.scalars(insert_new(connection, batch_items).returning(batch_items.c.number), rows))
