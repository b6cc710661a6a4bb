"""Answers of the Responses API, kept for a while: read again, gone on from, cancelled, deleted. Per project.

An answer that is still being worked on is held by a lease; once that runs out its process is taken to be gone, and the
answer to have failed. Knows nothing of what an item means, only that an answer's context is what came before it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.ids import now_us
from pilothouse.storage.database import writing
from pilothouse.storage.payloads import Packer
from pilothouse.storage.response_events import ResponseEventStore, delete_events
from pilothouse.storage.tables import responses, upsert
from pilothouse.types import Json

__all__ = ["RUNNING", "ResponseStore", "StoredResponse"]

RUNNING = ("queued", "in_progress")
_DAY = 86_400.0
_SECOND = 1_000_000
_PURGE_EVERY = 3600.0  # seconds
_PURGE_ROWS = 1000
_FIND = select(responses).where(
    responses.c.project_id == bindparam("project_id"), responses.c.id == bindparam("response_id")
)
"""Built once: building a statement costs more than running it."""
_ABANDONED = {"code": "server_error", "message": "The server that worked on this response stopped. Ask again."}


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One answer: `input` are the items of its own request, `response` the object that callers see."""

    id: str
    model: str
    input: list[Json]
    response: Json
    previous_id: str | None = None

    @property
    def status(self) -> str:
        return self.response.get("status") or "completed"

    @property
    def items(self) -> list[Json]:
        """What it adds to the context of the next: its input, then its output."""
        return [*self.input, *(self.response.get("output") or ())]


class ResponseStore:
    """The table `responses`; `events` are those of streams.

    `retention` is in seconds (30 days, as OpenAI's own); `clock` gives UTC microseconds. What `packer` cannot open is a
    StorageError.
    """

    def __init__(
        self,
        engine: Engine,
        retention: float = 30 * _DAY,
        clock: Callable[[], int] = now_us,
        packer: Packer | None = None,
    ) -> None:
        self._engine = engine
        self._packer = packer or Packer()
        self._retention_us = int(retention * _SECOND)
        self._clock = clock
        self._insert = upsert(engine, responses)
        self._purge_at = 0
        self.events = ResponseEventStore(engine, self._packer)

    def put(self, project_id: str, stored: StoredResponse, lease: float | None = None) -> None:
        """Keep an answer, in place of one with its id. One still being worked on is held for `lease` seconds."""
        now = self._clock()
        row = {
            "project_id": project_id, "id": stored.id, "created_us": now, "expires_us": now + self._retention_us,
            "model": stored.model, "previous_id": stored.previous_id, **self._state(project_id, stored, lease),
        }  # fmt: skip
        with writing(self._engine) as connection:
            connection.execute(self._insert, row)
            if now >= self._purge_at:
                self._purge_at = now + int(_PURGE_EVERY * _SECOND)
                _purge(connection, now)

    def settle(self, project_id: str, stored: StoredResponse) -> bool:
        """Write how a running answer ended. False where it has ended already, by being cancelled or deleted."""
        return self._change(project_id, stored.id, self._state(project_id, stored, None))

    def renew(self, project_id: str, response_id: str, lease: float) -> bool:
        """Hold a running answer for `lease` seconds more. False once it is cancelled or deleted."""
        return self._change(project_id, response_id, {"lease_until_us": self._clock() + int(lease * _SECOND)})

    def get(self, project_id: str, response_id: str) -> StoredResponse:
        """Raises NotFound, also for one that has expired."""
        with self._engine.connect() as connection:
            return self._read(connection, project_id, response_id)

    def cancel(self, project_id: str, response_id: str) -> StoredResponse:
        """A running answer is cancelled; any other stays as it is. Raises NotFound."""
        stored = self.get(project_id, response_id)
        if stored.status in RUNNING:
            cancelled = _with_response(stored, {**stored.response, "status": "cancelled"})
            if self.settle(project_id, cancelled):
                return cancelled
            stored = self.get(project_id, response_id)
        return stored

    def delete(self, project_id: str, response_id: str) -> None:
        """Raises NotFound."""
        query = delete(responses).where(responses.c.project_id == project_id, responses.c.id == response_id)
        alive = responses.c.expires_us > self._clock()
        with writing(self._engine) as connection:
            if connection.execute(query.where(alive)).rowcount == 0:
                raise _not_found(response_id)
            delete_events(connection, project_id, response_id)

    def chain(self, project_id: str, response_id: str) -> list[Json]:
        """Every item up to and with the output of this answer, oldest first: the context of one that goes on from it.

        Raises NotFound where a link is gone, InvalidRequest where the answer is not there yet.
        """
        links: list[StoredResponse] = []
        wanted: str | None = response_id
        with self._engine.connect() as connection:
            while wanted is not None:
                link = self._read(connection, project_id, wanted, param="previous_response_id")
                if link.status in RUNNING:
                    raise InvalidRequest(f"Response '{link.id}' is not complete yet.", param="previous_response_id")
                links.append(link)
                wanted = link.previous_id
        return [item for link in reversed(links) for item in link.items]

    def _read(
        self, connection: Connection, project_id: str, response_id: str, param: str | None = None
    ) -> StoredResponse:
        row = connection.execute(_FIND, {"project_id": project_id, "response_id": response_id}).one_or_none()
        now = self._clock()
        if row is None or row.expires_us <= now:
            raise _not_found(response_id, param)
        stored = self._stored(row)
        if row.status in RUNNING and row.lease_until_us is not None and row.lease_until_us <= now:
            return _with_response(stored, {**stored.response, "status": "failed", "error": _ABANDONED})
        return stored

    def _state(self, project_id: str, stored: StoredResponse, lease: float | None) -> dict[str, Any]:
        return {
            "status": stored.status,
            "lease_until_us": None if lease is None else self._clock() + int(lease * _SECOND),
            "body": self._packer.pack({"input": stored.input, "response": stored.response}, project_id, stored.id),
        }

    def _stored(self, row: Row[Any]) -> StoredResponse:
        try:
            body = self._packer.unpack(row.body, row.project_id, row.id)
        except ValueError as error:
            raise StorageError(f"Response '{row.id}' cannot be read: {error}.") from error
        return StoredResponse(row.id, row.model, body["input"], body["response"], row.previous_id)

    def _change(self, project_id: str, response_id: str, values: dict[str, Any]) -> bool:
        this = (responses.c.project_id == project_id, responses.c.id == response_id)
        query = update(responses).where(*this, responses.c.status.in_(RUNNING)).values(**values)
        with writing(self._engine) as connection:
            return connection.execute(query).rowcount == 1


def _purge(connection: Connection, now: int) -> None:
    """Delete some of what has expired: the rest goes the next times."""
    keys = (responses.c.project_id, responses.c.id)
    expired = connection.execute(select(*keys).where(responses.c.expires_us <= now).limit(_PURGE_ROWS)).all()
    for row in expired:
        connection.execute(delete(responses).where(keys[0] == row.project_id, keys[1] == row.id))
        delete_events(connection, row.project_id, row.id)


def _with_response(stored: StoredResponse, response: Json) -> StoredResponse:
    return StoredResponse(stored.id, stored.model, stored.input, response, stored.previous_id)


def _not_found(response_id: str, param: str | None = None) -> NotFound:
    return NotFound(f"Response with id '{response_id[:128]}' not found.", param=param)
