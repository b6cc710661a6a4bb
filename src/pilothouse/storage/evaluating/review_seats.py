"""Who has which item of a review queue, and what they vote. Under the lock of the queue's row, so that of two who ask
at once never both get the last place at an item.

A claim ends by itself after the queue's `lease_s`; who comes back in time finds the same item. All of it is in the
database: a restart changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.review_items import ReviewItem, Status, item_from
from pilothouse.storage.evaluating.review_labels import Value, checked, disputed, mirrored, read_value
from pilothouse.storage.evaluating.review_queues import Queue, locked
from pilothouse.storage.statements import upsert
from pilothouse.storage.tables.reviewing import review_items, review_seats, review_votes

__all__ = ["Mark", "ReviewSeats", "Role", "Seat", "swapped_for"]

Role = Literal["vote", "decide"]
_ANNOTATOR = 256
_COMMENT = 10_000
_LONGEST = 24 * 3600.0
_UNDONE: tuple[Status, ...] = ("open", "disputed")
_I, _S, _V = review_items.c, review_seats.c, review_votes.c
_SAID = (_V.item_id, _V.role, _V.annotator, _V.criterion, _V.value)


@dataclass(frozen=True, slots=True)
class Mark:
    """A vote on one criterion: 1 to 5, or "a", "b", "tie" for what the annotator saw as A and B."""

    value: Value
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Seat:
    """An item that an annotator has until `until_us`. `swapped` says that the second output is shown as A; `marks` are
    those they gave before, as they saw it then."""

    item: ReviewItem
    role: Role
    annotator: str
    swapped: bool
    started_us: int
    until_us: int
    marks: Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class ReviewSeats:
    """Of a store. Every method blocks on the database. `clock` gives microseconds."""

    store: Store
    clock: Callable[[], int] = now_us

    def next(self, project: str, queue: Queue, annotator: str, role: Role = "vote") -> Seat | None:
        """The item that this annotator has, else the next that needs them; None where there is none. To `decide` are
        those on which others disagree. Raises Conflict for a queue that is archived."""
        _named(annotator)
        with writing(self.store.control) as connection:
            _working(locked(connection, project, queue.id))
            now = self.clock()
            found = self._held(connection, project, queue, annotator, role, now)
            found = found or self._free(connection, project, queue, annotator, role, now)
            return None if found is None else self._sit(connection, project, queue, found, annotator, role)

    def vote(
        self, project: str, queue: Queue, item_id: str, annotator: str, marks: Mapping[str, Mark], *,
        seconds: float | None = None, role: Role = "vote",
    ) -> Status:  # fmt: skip
        """Keep what somebody thinks of an item, on every criterion (to decide: on those in dispute); the item's status
        after it. Again, it replaces what they said before. `seconds` is how long it took, by default since they got
        the item. Raises InvalidRequest for a vote that is none, NotFound, Conflict where it is not theirs to give."""
        _named(annotator)
        values = {name: checked(queue.kind, mark.value, name) for name, mark in marks.items()}
        with writing(self.store.control) as connection:
            _working(locked(connection, project, queue.id))
            now, item = self.clock(), _item(connection, project, queue, item_id)
            seat = self._seat(connection, project, item_id, annotator, role)
            self._may(connection, project, queue, item, annotator, role, seat, now)
            said = _said(connection, project, item_id) if role == "decide" else ()
            needed = _in_dispute(queue, said) if role == "decide" else queue.criteria
            _complete(queue, values, needed)
            swapped = seat.swapped if seat else swapped_for(queue, item_id, annotator)
            took = seconds if seconds is not None else (now - seat.started_us) / 1e6 if seat else 0.0
            self._replace(connection, project, queue, item_id, annotator, role, now)
            rows = [
                {
                    "project_id": project, "id": new_id(now), "queue_id": queue.id, "item_id": item_id, "role": role,
                    "annotator": annotator, "criterion": name, "comment": _plain(marks[name].comment),
                    "value": str(mirrored(value) if swapped else value), "at_us": now, "replaced_us": None,
                    "seconds": max(0.0, min(took, _LONGEST)),
                }
                for name, value in values.items()
            ]  # fmt: skip
            connection.execute(insert(review_votes), rows)
            started = seat.started_us if seat else now
            self._put(connection, project, queue, item_id, annotator, role, "voted", swapped, started, now, now)
            return _counted(connection, project, queue, item_id)

    def skip(self, project: str, queue: Queue, item_id: str, annotator: str, role: Role = "vote") -> None:
        """Leave an item to others. Raises NotFound, and Conflict for one that they voted on."""
        _named(annotator)
        with writing(self.store.control) as connection:
            _working(locked(connection, project, queue.id))
            now = self.clock()
            _item(connection, project, queue, item_id)
            seat = self._seat(connection, project, item_id, annotator, role)
            if seat is not None and seat.status == "voted":
                raise Conflict("You voted on this item: undo that to skip it.")
            swapped = seat.swapped if seat else swapped_for(queue, item_id, annotator)
            started = seat.started_us if seat else now
            self._put(connection, project, queue, item_id, annotator, role, "skipped", swapped, started, now, now)

    def undo(self, project: str, queue: Queue, annotator: str) -> Seat:
        """Take back the last vote, decision or skip of this annotator, and give them the item again; what they had
        open goes back. Raises NotFound where there is none, Conflict where others went on from it."""
        _named(annotator)
        with writing(self.store.control) as connection:
            _working(locked(connection, project, queue.id))
            now = self.clock()
            mine = (_S.project_id == project, _S.queue_id == queue.id, _S.annotator == annotator)
            query = select(review_seats).where(*mine, _S.acted_us > 0).order_by(_S.acted_us.desc(), _S.item_id.desc())
            seat = connection.execute(query.limit(1)).first()
            if seat is None:
                raise NotFound("There is nothing to undo: you have not voted or skipped in this queue.")
            item = _item(connection, project, queue, seat.item_id)
            if seat.status == "voted" and seat.role == "vote" and _decided(connection, project, item.id):
                raise Conflict("Somebody decided on this item meanwhile: your vote stays.")
            if seat.status == "skipped" and not self._room(connection, project, queue, item, annotator, seat.role, now):
                raise Conflict("Others took the item that you skipped.")
            connection.execute(delete(review_seats).where(*mine, _S.status == "claimed"))
            self._replace(connection, project, queue, item.id, annotator, seat.role, now)
            _counted(connection, project, queue, item.id)
            return self._sit(connection, project, queue, item.id, annotator, seat.role)

    def recount(self, project: str, queue: Queue) -> None:
        """Bring the items that are not done in step with settings that changed."""
        of_item = and_(_I.project_id == _V.project_id, _I.id == _V.item_id)
        query = select(_I.status, *_SAID).select_from(review_votes).join(review_items, of_item)
        query = query.where(_V.project_id == project, _V.queue_id == queue.id, _V.replaced_us.is_(None))
        with writing(self.store.control) as connection:
            locked(connection, project, queue.id)
            found = query.where(_I.status.in_(_UNDONE)).order_by(_V.item_id, _V.id)
            rows: Any = connection.execute(found).all()
            changes = [
                {"item": item_id, "now": now}
                for item_id, said in ((one, [*some]) for one, some in groupby(rows, lambda row: row.item_id))
                if (now := _status(queue, said)) != said[0].status
            ]
            this = (_I.project_id == project, _I.id == bindparam("item"))
            if changes:
                connection.execute(update(review_items).where(*this).values(status=bindparam("now")), changes)

    def _held(
        self, connection: Connection, project: str, queue: Queue, annotator: str, role: Role, now: int
    ) -> str | None:  # fmt: skip
        """The item that they have, unless it needs them no more."""
        status = "open" if role == "vote" else "disputed"
        query = (
            select(_S.item_id)
            .join(review_items, and_(_I.project_id == _S.project_id, _I.id == _S.item_id))
            .where(_S.project_id == project, _S.queue_id == queue.id, _S.annotator == annotator, _S.role == role)
            .where(_S.status == "claimed", _S.until_us > now, _I.status == status)
            .order_by(_S.started_us.desc())
        )
        return connection.scalar(query.limit(1))

    def _free(
        self, connection: Connection, project: str, queue: Queue, annotator: str, role: Role, now: int
    ) -> str | None:  # fmt: skip
        here = (_S.project_id == _I.project_id, _S.item_id == _I.id)
        taken = select(func.count()).where(*here, _S.role == role, _busy(now), _S.annotator != annotator)
        acted = [_S.role == role, _S.acted_us > 0]
        mine = exists().where(*here, _S.annotator == annotator, *acted)
        query = select(_I.id).where(_I.project_id == project, _I.queue_id == queue.id, ~mine)
        if role == "vote":
            asked = queue.settings.annotators
            query = query.where(_I.status == "open", taken.scalar_subquery() < asked)
        else:
            voted = exists().where(*here, _S.annotator == annotator, _S.role == "vote", _S.status == "voted")
            query = query.where(_I.status == "disputed", taken.scalar_subquery() < 1, ~voted)
        return connection.scalar(query.order_by(_I.place).limit(1))

    def _sit(
        self, connection: Connection, project: str, queue: Queue, item_id: str, annotator: str, role: Role
    ) -> Seat:  # fmt: skip
        now, seat = self.clock(), self._seat(connection, project, item_id, annotator, role)
        swapped = seat.swapped if seat else swapped_for(queue, item_id, annotator)
        going_on = seat is not None and seat.status == "claimed" and seat.until_us > now
        started = seat.started_us if seat is not None and going_on else now
        until = now + queue.settings.lease_s * 1_000_000
        self._put(connection, project, queue, item_id, annotator, role, "claimed", swapped, started, until, 0)
        item = item_from(self.store, _item(connection, project, queue, item_id))
        marks = self._marks(connection, project, queue, item_id, annotator, role, swapped)
        return Seat(item, role, annotator, swapped, started, until, marks)

    def _may(
        self, connection: Connection, project: str, queue: Queue, item: Row[Any], annotator: str, role: Role,
        seat: Row[Any] | None, now: int,
    ) -> None:  # fmt: skip
        if role == "vote" and _decided(connection, project, item.id):
            raise Conflict("Somebody decided on this item: votes on it stay as they are.")
        if role == "decide":
            mine = self._seat(connection, project, item.id, annotator, "vote")
            if mine is not None and mine.status == "voted":
                raise Conflict("You voted on this item: another person decides.")
            if item.status == "open" or (item.status == "done" and (seat is None or seat.status != "voted")):
                raise Conflict("There is nothing to decide on this item.")
        voted = seat is not None and seat.status == "voted"
        if not voted and not self._room(connection, project, queue, item, annotator, role, now):
            raise Conflict("Others have this item: as many as were asked voted on it, or are about to.")

    def _room(
        self, connection: Connection, project: str, queue: Queue, item: Row[Any], annotator: str, role: str, now: int
    ) -> bool:  # fmt: skip
        """Whether an item has a place for them."""
        others = (_S.project_id == project, _S.item_id == item.id, _S.role == role, _S.annotator != annotator)
        taken = connection.scalar(select(func.count()).select_from(review_seats).where(*others, _busy(now))) or 0
        return taken < (queue.settings.annotators if role == "vote" else 1)

    def _seat(
        self, connection: Connection, project: str, item_id: str, annotator: str, role: str
    ) -> Row[Any] | None:  # fmt: skip
        this = (_S.project_id == project, _S.item_id == item_id, _S.role == role, _S.annotator == annotator)
        return connection.execute(select(review_seats).where(*this)).one_or_none()

    def _put(
        self, connection: Connection, project: str, queue: Queue, item_id: str, annotator: str, role: str,
        status: str, swapped: bool, started: int, until: int, acted: int,
    ) -> None:  # fmt: skip
        row = {
            "project_id": project, "item_id": item_id, "role": role, "annotator": annotator, "queue_id": queue.id,
            "status": status, "swapped": swapped, "started_us": started, "until_us": until, "acted_us": acted,
        }  # fmt: skip
        connection.execute(upsert(connection, review_seats), row)

    def _marks(
        self, connection: Connection, project: str, queue: Queue, item_id: str, annotator: str, role: str,
        swapped: bool,
    ) -> dict[str, Mark]:  # fmt: skip
        """What they said last, and took back."""
        mine = (_V.project_id == project, _V.item_id == item_id, _V.annotator == annotator, _V.role == role)
        last = select(func.max(_V.replaced_us)).where(*mine).scalar_subquery()
        query = select(_V.criterion, _V.value, _V.comment).where(*mine, _V.replaced_us == last)
        values = ((row, read_value(queue.kind, row.value)) for row in connection.execute(query))
        return {row.criterion: Mark(mirrored(value) if swapped else value, row.comment) for row, value in values}

    def _replace(
        self, connection: Connection, project: str, queue: Queue, item_id: str, annotator: str, role: str, now: int
    ) -> None:  # fmt: skip
        mine = (*_live(project, item_id), _V.annotator == annotator, _V.role == role)
        connection.execute(update(review_votes).where(*mine).values(replaced_us=now))


def swapped_for(queue: Queue, item_id: str, annotator: str) -> bool:
    """Whether this annotator sees the second output of a pair as A: a coin that the ids toss."""
    tossed = blake2b(f"{item_id}\n{annotator}".encode(), digest_size=1).digest()[0]
    return queue.kind == "pairwise" and tossed % 2 == 1


def _busy(now: int) -> ColumnElement[bool]:
    return or_(_S.status == "voted", and_(_S.status == "claimed", _S.until_us > now))


def _live(project: str, item_id: str) -> tuple[ColumnElement[bool], ...]:
    return _V.project_id == project, _V.item_id == item_id, _V.replaced_us.is_(None)


def _item(connection: Connection, project: str, queue: Queue, item_id: str) -> Row[Any]:
    query = select(review_items).where(_I.project_id == project, _I.id == item_id, _I.queue_id == queue.id)
    row = None if "\0" in item_id else connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no item '{item_id[:64]}' in the queue '{queue.name}'.", param="item")
    return row


def _decided(connection: Connection, project: str, item_id: str) -> bool:
    query = select(_V.id).where(*_live(project, item_id), _V.role == "decide").limit(1)
    return connection.scalar(query) is not None


def _said(connection: Connection, project: str, item_id: str) -> list[Row[Any]]:
    """What is said of an item now."""
    return [*connection.execute(select(*_SAID).where(*_live(project, item_id)).order_by(_V.id))]


def _in_dispute(queue: Queue, said: Iterable[Row[Any]]) -> tuple[str, ...]:
    """The criteria on which votes lie too far apart."""
    votes: dict[str, list[Value]] = {name: [] for name in queue.criteria}
    for row in said:
        if row.role == "vote":
            votes[row.criterion].append(read_value(queue.kind, row.value))
    return tuple(name for name, values in votes.items() if disputed(values, queue.settings.spread))


def _status(queue: Queue, said: Sequence[Row[Any]]) -> Status:
    """What an item is by its votes."""
    if len({row.annotator for row in said if row.role == "vote"}) < queue.settings.annotators:
        return "open"
    decided = any(row.role == "decide" for row in said)
    return "done" if decided or not _in_dispute(queue, said) else "disputed"


def _complete(queue: Queue, values: Mapping[str, Value], needed: tuple[str, ...]) -> None:
    unknown = [name for name in values if name not in queue.criteria]
    if unknown:
        raise InvalidRequest(
            f"'{unknown[0][:64]}' is no criterion of this queue: {', '.join(queue.criteria)}.", param="votes"
        )
    missing = [name for name in needed if name not in values]
    if missing:
        raise InvalidRequest(f"A vote is missing on: {', '.join(missing)}.", param="votes")


def _counted(connection: Connection, project: str, queue: Queue, item_id: str) -> Status:
    """Bring an item's status in step with its votes."""
    status = _status(queue, _said(connection, project, item_id))
    this = (_I.project_id == project, _I.id == item_id)
    connection.execute(update(review_items).where(*this).values(status=status))
    return status


def _working(queue: Row[Any]) -> None:
    if queue.archived_us is not None:
        raise Conflict(f"The review queue '{queue.name}' is archived: take it back into the list to go on.")


def _named(annotator: str) -> None:
    if not 0 < len(annotator) <= _ANNOTATOR or "\0" in annotator:
        raise InvalidRequest(f"An annotator has a name of 1 to {_ANNOTATOR} characters.", param="annotator")


def _plain(comment: str) -> str:
    if len(comment) > _COMMENT:
        raise InvalidRequest(f"A comment has {_COMMENT} characters at most.", param="comment")
    return comment.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
