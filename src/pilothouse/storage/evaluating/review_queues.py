"""Queues of human review, and what is set of them. Knows nothing of items, nor of what the rules mean."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.review_labels import Kind
from pilothouse.storage.tables.reviewing import review_queues
from pilothouse.types import Json

__all__ = ["Criterion", "Queue", "QueuePage", "QueueSettings", "ReviewQueues", "locked"]

MOST_QUEUES = 500
MOST_CRITERIA = 20
_NAME = re.compile(r"[^\x00-\x1f\x7f/]{1,128}")
_CRITERION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_Q = review_queues.c


class Criterion(msgspec.Struct, frozen=True):
    """What is judged: a short name, and what it means."""

    name: str
    description: str = ""


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is set of a queue. `annotators` is how many votes each item gets; where votes lie more than `spread` apart
    (points of a Likert scale, steps from a over tie to b), somebody else decides. `lease_s` is how long an item waits
    for whoever opened it. `rules` say how it fills by itself, each with `every_s` between. `dataset` is where
    corrections go."""

    criteria: tuple[Criterion, ...] = ()
    instructions: str = ""
    annotators: int = 1
    spread: int = 1
    lease_s: int = 900
    rules: tuple[Json, ...] = ()
    every_s: int = 3600
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. `filled_us` is when its rules were last followed, 0 before; `cursors` how far each had come."""

    id: str
    name: str
    kind: Kind
    settings: QueueSettings
    created_us: int
    updated_us: int
    filled_us: int = 0
    cursors: Json = field(default_factory=dict)
    archived_us: int | None = None

    @property
    def criteria(self) -> tuple[str, ...]:
        """The names of its criteria."""
        return tuple(one.name for one in self.settings.criteria)


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Queues by name. `next` continues: hand it back as `after`. None at the end."""

    queues: list[Queue]
    next: str | None


@dataclass(frozen=True, slots=True)
class ReviewQueues:
    """Of a store. Every method blocks on the database. `clock` gives microseconds."""

    store: Store
    clock: Callable[[], int] = now_us

    def create(self, project: str, name: str, kind: Kind, settings: QueueSettings) -> Queue:
        """A new, empty queue. Raises Conflict where there is one of that name, InvalidRequest for what cannot be."""
        if not _NAME.fullmatch(name):
            raise InvalidRequest("A queue's name has 1 to 128 characters, no control character and no slash.",
                                 param="name")  # fmt: skip
        if kind not in ("likert", "pairwise"):
            raise InvalidRequest("A queue is of the kind 'likert' or 'pairwise'.", param="kind")
        _check(settings)
        now = self.clock()
        row = {
            "project_id": project, "id": new_id(now), "name": name, "kind": kind, "settings": _json(settings),
            "places": 0, "cursors": "{}", "filled_us": 0, "created_us": now, "updated_us": now,
        }  # fmt: skip
        try:
            with writing(self.store.control) as connection:
                connection.execute(insert(review_queues), row)
        except IntegrityError:
            raise Conflict(f"There is a queue '{name}' already.", param="name") from None
        return self.get(project, str(row["id"]))

    def get(self, project: str, reference: str) -> Queue:
        """The queue of this name, else of this id; also one that is archived. Raises NotFound."""
        query = select(review_queues).where(_Q.project_id == project, or_(_Q.name == reference, _Q.id == reference))
        with self.store.control.connect() as connection:
            rows = [] if "\0" in reference else connection.execute(query).all()
        if not rows:
            raise NotFound(f"There is no review queue '{reference[:128]}'.", param="queue")
        return _queue(next((row for row in rows if row.name == reference), rows[0]))

    def list(
        self, project: str, *, after: str | None = None, limit: int = 100, archived: bool = False
    ) -> QueuePage:  # fmt: skip
        """Up to `limit` (500 at most) queues, those after the name `after`; `archived` ones are a list of their own."""
        limit = max(1, min(MOST_QUEUES, limit))
        query = select(review_queues).where(_Q.project_id == project, (_Q.archived_us.is_not(None)) == archived)
        if after is not None:
            query = query.where(_Q.name > after.replace("\0", ""))
        with self.store.control.connect() as connection:
            rows = connection.execute(query.order_by(_Q.name).limit(limit + 1)).all()
        return QueuePage([_queue(row) for row in rows[:limit]], rows[limit - 1].name if len(rows) > limit else None)

    def change(self, project: str, queue: Queue, settings: QueueSettings) -> Queue:
        """Set these settings. Criteria stay as they are once the queue was made: votes are on them. Items that were
        done stay so. Raises InvalidRequest."""
        _check(settings)
        if tuple(one.name for one in settings.criteria) != queue.criteria:
            raise InvalidRequest("The criteria of a queue stay: there may be votes on them. Make another queue.",
                                 param="criteria")  # fmt: skip
        return self._set(project, queue, {"settings": _json(settings)})

    def archive(self, project: str, queue: Queue, archived: bool = True) -> Queue:
        """Take a queue out of the list, where nobody gets items of it, or back into it. Everything stays."""
        return self._set(project, queue, {"archived_us": self.clock() if archived else None})

    def filled(self, project: str, queue: Queue, cursors: Json) -> None:
        """The rules were followed just now, up to `cursors`."""
        values = {"filled_us": self.clock(), "cursors": msgspec.json.encode(cursors).decode()}
        with writing(self.store.control) as connection:
            connection.execute(update(review_queues).where(*_this(project, queue.id)).values(values))

    def due(self) -> Sequence[tuple[str, Queue]]:
        """The queues of all projects that have rules and were not filled for as long as they say, with the project."""
        now = self.clock()
        query = select(review_queues).where(_Q.archived_us.is_(None)).order_by(_Q.project_id, _Q.name)
        with self.store.control.connect() as connection:
            found = [(row.project_id, _queue(row)) for row in connection.execute(query)]
        return [
            (project, queue)
            for project, queue in found
            if queue.settings.rules and queue.filled_us + queue.settings.every_s * 1_000_000 <= now
        ]

    def _set(self, project: str, queue: Queue, values: Json) -> Queue:
        with writing(self.store.control) as connection:
            statement = update(review_queues).where(*_this(project, queue.id))
            connection.execute(statement.values(**values, updated_us=self.clock()))
        return self.get(project, queue.id)


def locked(connection: Connection, project: str, queue_id: str) -> Row[Any]:
    """The row of a queue, which nobody else changes, nor takes items of, until the transaction ends."""
    row = connection.execute(select(review_queues).where(*_this(project, queue_id)).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("This review queue is gone.", param="queue")
    return row


def _this(project: str, queue_id: str) -> tuple[Any, ...]:
    return _Q.project_id == project, _Q.id == queue_id


def _check(settings: QueueSettings) -> None:
    names = [one.name for one in settings.criteria]
    if not 1 <= len(names) <= MOST_CRITERIA or len({*names}) < len(names):
        raise InvalidRequest(f"A queue has 1 to {MOST_CRITERIA} criteria, each of its own name.", param="criteria")
    for name in names:
        if not _CRITERION.fullmatch(name):
            raise InvalidRequest(
                f"'{name[:64]}' cannot name a criterion: letters, digits, _ and -, a letter first, 64 at most.",
                param="criteria",
            )
    bounds = {"annotators": (1, 50), "spread": (0, 4), "lease_s": (30, 86_400), "every_s": (60, 31 * 86_400)}
    for name, (least, most) in bounds.items():
        if not least <= getattr(settings, name) <= most:
            raise InvalidRequest(f"'{name}' must lie between {least} and {most}.", param=name)


def _queue(row: Row[Any]) -> Queue:
    settings = msgspec.json.decode(row.settings, type=QueueSettings)
    return Queue(
        row.id, row.name, row.kind, settings, row.created_us, row.updated_us, row.filled_us,
        msgspec.json.decode(row.cursors), row.archived_us,
    )  # fmt: skip


def _json(settings: QueueSettings) -> str:
    return msgspec.json.encode(settings).decode()
