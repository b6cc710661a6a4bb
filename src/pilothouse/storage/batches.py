"""Batches of requests, as callers see them: create, look, list, cancel. What works them off is in `batch_leases.py`.

A batch is validating, in_progress, finalizing, and then completed, failed (its input was no good), expired or
cancelled; `cancelling` lies before the last. Knows nothing of what a request is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.errors import Conflict, NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import writing
from pilothouse.storage.files import FINISHED, FileWriter, complete_file, delete_file
from pilothouse.storage.tables import batches, files
from pilothouse.types import Json, Usage

__all__ = ["BETAS", "MADE_INPUT", "Batch", "BatchStore", "batch_from", "is_batch", "stamped"]

WINDOW_US = 24 * 3600 * 1_000_000
_SECOND = 1_000_000
BETAS = "anthropic-beta"
"""Under this name `metadata` holds the beta features that the requests of a batch for Anthropic ask for."""
MADE_INPUT = "batch_input"
"""The purpose of an input file that belongs to its batch alone, and goes with it."""
_JSON = ("metadata", "vendor", "usage", "errors", "times")


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch. `times` says when it became what (Unix seconds, under OpenAI's names), `usage` sums the tokens of the
    answers so far, `errors` are those of the input or of the whole. `lane` is own, vendor, or empty until decided."""

    project_id: str
    id: str
    key_id: str
    client_ip: str
    endpoint: str
    input_file_id: str
    status: str
    created_us: int
    expires_us: int
    metadata: dict[str, str] | None = None
    model: str | None = None
    lane: str = ""
    vendor: Json | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    usage: Json | None = None
    errors: list[Json] | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    times: dict[str, int] = field(default_factory=dict)
    lease: str | None = None
    lease_until_us: int | None = None

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers that belong to each of its requests in their dialect."""
        betas = (self.metadata or {}).get(BETAS)
        return () if betas is None else ((BETAS, betas),)

    def to_json(self) -> Json:
        """OpenAI's batch object."""
        times = {f"{name}_at": self.times.get(name) for name in _TIMES}
        errors = None if self.errors is None else {"object": "list", "data": self.errors}
        return {
            "id": self.id, "object": "batch", "endpoint": self.endpoint, "model": self.model, "errors": errors,
            "input_file_id": self.input_file_id, "completion_window": "24h", "status": self.status,
            "output_file_id": self.output_file_id, "error_file_id": self.error_file_id,
            "created_at": self.created_us // _SECOND, "expires_at": self.expires_us // _SECOND, **times,
            "request_counts": {"total": self.total, "completed": self.completed, "failed": self.failed},
            "usage": self.usage, "metadata": self.metadata,
        }  # fmt: skip

    def with_usage(self, usages: list[Usage]) -> Json:
        """The sum of tokens with these added."""
        sums = [0, 0, 0, 0]
        if (before := self.usage) is not None:
            sums = [
                before["input_tokens"], before["output_tokens"], before["input_tokens_details"]["cached_tokens"],
                before["output_tokens_details"]["reasoning_tokens"],
            ]  # fmt: skip
        for usage in usages:
            more = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens)
            sums = [one + other for one, other in zip(sums, more, strict=True)]
        return {
            "input_tokens": sums[0], "input_tokens_details": {"cached_tokens": sums[2]}, "output_tokens": sums[1],
            "output_tokens_details": {"reasoning_tokens": sums[3]}, "total_tokens": sums[0] + sums[1],
        }  # fmt: skip


_TIMES = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")


class BatchStore:
    """The table `batches`. `clock` gives UTC microseconds. All methods block."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_us) -> None:
        self._engine = engine
        self._clock = clock

    def create(
        self, project_id: str, *, key_id: str, client_ip: str, endpoint: str, input_file_id: str,
        metadata: dict[str, str] | None = None, total: int = 0, made: FileWriter | None = None,
    ) -> Batch:  # fmt: skip
        """A new batch, to be validated. The caller has looked whether the file is there, or has `made` and flushed it:
        then it is there once the batch is. `total` is for one that knows how many requests are in it."""
        now = self._clock()
        batch = Batch(
            project_id, f"batch_{new_id(now)}", key_id, client_ip, endpoint, input_file_id, "validating", now,
            now + WINDOW_US, metadata, total=total,
        )  # fmt: skip
        with writing(self._engine) as connection:
            if made is not None:
                complete_file(connection, project_id, made)
            connection.execute(insert(batches), _row(batch))
        return batch

    def get(self, project_id: str, batch_id: str) -> Batch:
        """Raises NotFound."""
        with self._engine.connect() as connection:
            return _read(connection, project_id, batch_id)

    def list(
        self, project_id: str, *, limit: int = 20, after: str | None = None, before: str | None = None,
        endpoint: str | None = None,
    ) -> list[Batch]:  # fmt: skip
        """The newest batches first, at most `limit`: those that follow the batch `after`, or come right before
        `before`; all, or those for one endpoint."""
        query = select(batches).where(batches.c.project_id == project_id)
        if endpoint is not None:
            query = query.where(batches.c.endpoint == endpoint)
        if after is not None:
            query = query.where(batches.c.id < after)
        if before is not None:
            query = query.where(batches.c.id > before).order_by(batches.c.id)
        else:
            query = query.order_by(batches.c.id.desc())
        with self._engine.connect() as connection:
            found = [batch_from(row) for row in connection.execute(query.limit(limit))]
        return found if before is None else found[::-1]

    def delete(self, project_id: str, batch_id: str) -> None:
        """Forget a batch that has ended, and its files but an input that was uploaded. Raises NotFound, Conflict."""
        with writing(self._engine) as connection:
            batch = _read(connection, project_id, batch_id, lock=True)
            if not batch.finished:
                raise Conflict(f"Cannot delete a batch with status '{batch.status}': cancel it, or wait for its end.")
            own = (files.c.project_id == project_id, files.c.id == batch.input_file_id, files.c.purpose == MADE_INPUT)
            made = connection.scalar(select(files.c.id).where(*own))
            for file_id in (batch.output_file_id, batch.error_file_id, made):
                if file_id is not None:
                    delete_file(connection, project_id, file_id)
            connection.execute(delete(batches).where(*is_batch(batch)))

    def cancel(self, project_id: str, batch_id: str) -> Batch:
        """Ask it to stop; what is done stays. Raises NotFound, or Conflict where it has ended."""
        with writing(self._engine) as connection:
            batch = _read(connection, project_id, batch_id, lock=True)
            if batch.finished:
                raise Conflict(f"Cannot cancel a batch with status '{batch.status}'.")
            if batch.status != "cancelling":
                values = {"status": "cancelling", "times": stamped(batch, "cancelling", self._clock())}
                connection.execute(update(batches).where(*is_batch(batch)).values(values))
            return _read(connection, project_id, batch_id)


def batch_from(row: Row[Any]) -> Batch:
    """A Batch from a whole row of the table."""
    values = dict(row._mapping)
    for name in _JSON:
        values[name] = None if values[name] is None else msgspec.json.decode(values[name])
    return Batch(**values)


def is_batch(batch: Batch) -> tuple[Any, ...]:
    """The condition that finds its row."""
    return batches.c.project_id == batch.project_id, batches.c.id == batch.id


def stamped(batch: Batch, status: str, at_us: int) -> str:
    """The column `times`, with the moment at which it became `status`."""
    return msgspec.json.encode({**batch.times, status: at_us // _SECOND}).decode()


def _read(connection: Connection, project_id: str, batch_id: str, *, lock: bool = False) -> Batch:
    query = select(batches).where(batches.c.project_id == project_id, batches.c.id == batch_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"No batch found with id '{batch_id[:128]}'.", param="id")
    return batch_from(row)


def _row(batch: Batch) -> Json:
    row = {name: getattr(batch, name) for name in Batch.__dataclass_fields__}
    for name in _JSON:
        row[name] = None if row[name] is None else msgspec.json.encode(row[name]).decode()
    return row
