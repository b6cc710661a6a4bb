"""The events of responses that are streamed from the background: written some at a time, read from any number on.

The last event of a response is not among them: it says what the response became, which is kept with the response.
Rows go when their response goes. Knows nothing of what an event says.
"""

from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Connection, Engine

from pilothouse.errors import StorageError
from pilothouse.storage.database import writing
from pilothouse.storage.payloads import Packer
from pilothouse.storage.tables import response_events, responses

__all__ = ["KeptEvent", "ResponseEventStore", "delete_events"]

_MARK = -1  # the first row of a stream holds no event: it says that there is one


class KeptEvent(NamedTuple):
    """One event: its sequence number, its name, its data as JSON."""

    number: int
    name: str
    data: str


class ResponseEventStore:
    """The table `response_events`. Of a response that is gone nothing is kept. All methods block."""

    def __init__(self, engine: Engine, packer: Packer | None = None) -> None:
        self._engine = engine
        self._packer = packer or Packer()

    def begin(self, project_id: str, response_id: str) -> None:
        """There will be events of this response."""
        self._write(project_id, response_id, _MARK, _MARK, [])

    def add(self, project_id: str, response_id: str, events: list[KeptEvent]) -> None:
        """Append events, whose numbers rise."""
        self._write(project_id, response_id, events[0].number, events[-1].number, events)

    def last(self, project_id: str, response_id: str) -> int | None:
        """The number of the last event, -1 before the first; None for a response that is not streamed so."""
        with self._engine.connect() as connection:
            query = select(func.max(response_events.c.last)).where(*_of(project_id, response_id))
            found: int | None = connection.scalar(query)
            return found

    def read(self, project_id: str, response_id: str, after: int) -> list[KeptEvent]:
        """The events with a higher number, in their order."""
        wanted = (*_of(project_id, response_id), response_events.c.last > after)
        with self._engine.connect() as connection:
            query = select(response_events.c.body).where(*wanted).order_by(response_events.c.first)
            bodies = connection.scalars(query).all()
        place = project_id, response_id
        read = [event for body in bodies for event in map(KeptEvent._make, self._unpacked(body, place))]
        return [event for event in read if event.number > after]

    def _unpacked(self, body: bytes, place: tuple[str, str]) -> Any:
        try:
            return self._packer.unpack(body, *place)
        except ValueError as error:
            raise StorageError(f"The events of response '{place[1]}' cannot be read: {error}.") from error

    def _write(self, project_id: str, response_id: str, first: int, last: int, events: list[KeptEvent]) -> None:
        row = {"project_id": project_id, "response_id": response_id, "first": first, "last": last}
        theirs = select(responses.c.id).where(responses.c.project_id == project_id, responses.c.id == response_id)
        with writing(self._engine) as connection:
            if connection.scalar(theirs.with_for_update(read=True)) is not None:  # who deletes it waits for this
                connection.execute(
                    insert(response_events), {**row, "body": self._packer.pack(events, project_id, response_id)}
                )


def delete_events(connection: Connection, project_id: str, response_id: str) -> None:
    """Forget the events of a response, inside the caller's transaction."""
    connection.execute(delete(response_events).where(*_of(project_id, response_id)))


def _of(project_id: str, response_id: str) -> tuple[Any, ...]:
    return response_events.c.project_id == project_id, response_events.c.response_id == response_id
