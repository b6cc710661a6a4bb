"""Messages on their way, in the database: put there in the transaction of what they tell of, tried until they arrive.

A channel that does not take one is tried again after 5 s, twice as long each time and an hour at most, eight times;
then the message has failed and stays to be seen. A message may arrive twice where a process dies between sending and
noting it: its id is the same. Knows nothing of channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.ids import new_id, now_us
from pilothouse.notify.message import Message
from pilothouse.storage.database import writing
from pilothouse.storage.tables import deliveries

__all__ = ["ATTEMPTS", "Delivery", "Outbox"]

ATTEMPTS = 8
_SECOND = 1_000_000
_LONGEST_ERROR = 500
_KEPT_US = 30 * 24 * 3600 * _SECOND


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one channel: `waiting`, `sent` or `failed`; `error` is what the last attempt met."""

    project_id: str
    id: str
    channel: str
    event: str
    about: str
    status: str
    attempts: int
    due_us: int
    error: str | None
    created_us: int
    ended_us: int | None
    message: Message


class Outbox:
    """The messages in the control database. Every method blocks on it."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_us) -> None:
        self._engine = engine
        self._clock = clock

    def put(self, connection: Connection, message: Message, channels: Sequence[str]) -> None:
        """Send the message to these channels, if the caller's transaction is committed."""
        now = self._clock()
        body = msgspec.json.encode(message.to_json()).decode()
        rows = [
            {
                "project_id": message.project_id, "id": new_id(now), "channel": channel, "event": message.event,
                "about": message.about, "body": body, "status": "waiting", "attempts": 0, "due_us": now,
                "created_us": now,
            }
            for channel in channels
        ]  # fmt: skip
        if rows:
            connection.execute(insert(deliveries), rows)

    def due(self, limit: int = 50) -> list[Delivery]:
        """What is to be sent now, the oldest first."""
        c = deliveries.c
        query = select(deliveries).where(c.status == "waiting", c.due_us <= self._clock())
        with self._engine.connect() as connection:
            return [_delivery(row) for row in connection.execute(query.order_by(c.due_us, c.id).limit(limit))]

    def next_due(self) -> int | None:
        """When something is to be sent next, UTC microseconds."""
        query = select(func.min(deliveries.c.due_us)).where(deliveries.c.status == "waiting")
        with self._engine.connect() as connection:
            found: int | None = connection.execute(query).scalar()
            return found

    def sent(self, delivery: Delivery) -> None:
        """It arrived."""
        values = {"status": "sent", "attempts": delivery.attempts + 1, "ended_us": self._clock(), "error": None}
        self._note(delivery, values)

    def missed(self, delivery: Delivery, error: str, *, final: bool, wait: float | None = None) -> bool:
        """An attempt failed: try again, unless it was the last or another would end alike. True if it is given up."""
        attempts, now = delivery.attempts + 1, self._clock()
        over = final or attempts >= ATTEMPTS
        pause = min(3600.0, max(wait or 0.0, 5.0 * 2 ** (attempts - 1)))
        values = {"attempts": attempts, "error": error[:_LONGEST_ERROR], "due_us": now + int(pause * _SECOND)}
        if over:
            values |= {"status": "failed", "ended_us": now}
        self._note(delivery, values)
        return over

    def about(self, project_id: str, ids: Sequence[str]) -> dict[str, list[Delivery]]:
        """The deliveries about each of these, the oldest first."""
        c = deliveries.c
        query = select(deliveries).where(c.project_id == project_id, c.about.in_(ids)).order_by(c.id)
        found: dict[str, list[Delivery]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                found.setdefault(row.about, []).append(_delivery(row))
        return found

    def forget(self) -> int:
        """Delete what ended more than 30 days ago; returns how many."""
        with writing(self._engine) as connection:
            old = deliveries.c.ended_us < self._clock() - _KEPT_US
            return connection.execute(deliveries.delete().where(old)).rowcount

    def _note(self, delivery: Delivery, values: dict[str, object]) -> None:
        here = (deliveries.c.project_id == delivery.project_id, deliveries.c.id == delivery.id)
        with writing(self._engine) as connection:
            connection.execute(update(deliveries).where(*here, deliveries.c.status == "waiting").values(values))


def _delivery(row: object) -> Delivery:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    return Delivery(message=Message.from_json(msgspec.json.decode(values.pop("body"))), **values)
