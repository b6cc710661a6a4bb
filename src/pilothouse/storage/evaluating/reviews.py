"""Human review as it is kept: queues with items, who has which, and here what came of it: votes, labels, corrections.

Knows nothing of agreement, of what fills a queue, and of who may.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, insert, select
from sqlalchemy.exc import IntegrityError

from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.review_items import ReviewItem, ReviewItems, Source, Status
from pilothouse.storage.evaluating.review_labels import Value, label_of, read_value
from pilothouse.storage.evaluating.review_queues import Queue, QueueSettings, ReviewQueues, locked
from pilothouse.storage.evaluating.review_seats import ReviewSeats
from pilothouse.storage.tables.reviewing import review_corrections, review_items, review_seats, review_votes

__all__ = ["Annotated", "Correction", "Label", "Progress", "Reviews", "Tally", "Vote"]

_ROWS = 2000
_LONGEST = 1_000_000
_I, _S, _V, _C = review_items.c, review_seats.c, review_votes.c, review_corrections.c
_SOURCE = (_I.trace_id, _I.span_id, _I.run_id, _I.other_run_id, _I.case_id, _I.trial)


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote on one criterion of an item; of a pair `value` is "a" for the first output, whatever was shown as A. One
    with `replaced_us` was changed or taken back then. `role` is decide for that of who settled a dispute."""

    id: str
    item_id: str
    source: Source
    role: str
    annotator: str
    criterion: str
    value: Value
    comment: str
    seconds: float
    at_us: int
    replaced_us: int | None


@dataclass(frozen=True, slots=True)
class Label:
    """What people say of one item on one criterion. `label` is that of who decided, else the median of points or the
    choice of most; None while the item is not done. `votes` are by annotator, `decided` tells whether somebody had
    to decide."""

    item_id: str
    source: Source
    label: float | str | None
    votes: dict[str, Value]
    decided: bool = False


@dataclass(frozen=True, slots=True)
class Annotated:
    """What one annotator did: items voted on, skipped, decided, and the mean seconds for one."""

    annotator: str
    voted: int
    skipped: int
    decided: int
    seconds: float | None
    last_us: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is: its items by status, the votes on items that are asked for and those given, and who works
    on it, by name."""

    items: dict[Status, int]
    asked: int
    given: int
    annotators: list[Annotated]

    @property
    def total(self) -> int:
        return sum(self.items.values())


@dataclass(frozen=True, slots=True)
class Tally:
    """The same without who did what: quick to tell. `mine` is how many items one annotator voted on."""

    items: dict[Status, int]
    asked: int
    given: int
    mine: int

    @property
    def total(self) -> int:
        return sum(self.items.values())


@dataclass(frozen=True, slots=True)
class Correction:
    """What somebody says the output should have been; `item_key` names the item of the dataset that it became."""

    id: str
    item_id: str
    annotator: str
    text: str
    dataset_id: str | None
    item_key: str | None
    at_us: int


@dataclass(frozen=True, slots=True)
class Reviews:
    """Of a store. Every method blocks on the database. `clock` gives microseconds."""

    store: Store
    clock: Callable[[], int] = now_us
    queues: ReviewQueues = field(init=False)
    items: ReviewItems = field(init=False)
    seats: ReviewSeats = field(init=False)

    def __post_init__(self) -> None:
        for name, room in (("queues", ReviewQueues), ("items", ReviewItems), ("seats", ReviewSeats)):
            object.__setattr__(self, name, room(self.store, self.clock))

    def change(self, project: str, queue: Queue, settings: QueueSettings) -> Queue:
        """Set these settings; items that have votes enough by them are done, or in dispute. Those that were done stay
        so. Raises InvalidRequest."""
        changed = self.queues.change(project, queue, settings)
        if (settings.annotators, settings.spread) != (queue.settings.annotators, queue.settings.spread):
            self.seats.recount(project, changed)
        return changed

    def labels(self, project: str, queue: str | Queue, criterion: str) -> list[Label]:
        """What people say of each item that has a vote, in the order of the queue. Raises NotFound."""
        found = self.queues.get(project, queue) if isinstance(queue, str) else queue
        if criterion not in found.criteria:
            raise NotFound(f"'{criterion[:64]}' is no criterion of the queue '{found.name}': "
                           f"{', '.join(found.criteria)}.", param="criterion")  # fmt: skip
        query = self._votes(project, found).where(_V.criterion == criterion, _V.replaced_us.is_(None))
        query = query.add_columns(_I.status)
        labels = list[Label]()
        with self.store.control.connect() as connection:
            rows = connection.execute(query, execution_options={"yield_per": _ROWS})
            for item_id, group in groupby(rows, lambda row: row.item_id):
                labels.append(_label(found, item_id, [*group]))
        return labels

    def votes(self, project: str, queue: Queue, *, history: bool = False) -> Iterator[Vote]:
        """Every vote in the order of items, and of an item in that of time; with `history` also those that were
        changed or taken back."""
        query = self._votes(project, queue)
        if not history:
            query = query.where(_V.replaced_us.is_(None))
        with self.store.control.connect() as connection:
            for row in connection.execute(query, execution_options={"yield_per": _ROWS}):
                yield _vote(queue, row)

    def votes_on(self, project: str, queue: Queue, item: ReviewItem) -> list[Vote]:
        """The votes on one item, by time, without those that were replaced."""
        query = self._votes(project, queue).where(_V.item_id == item.id, _V.replaced_us.is_(None))
        with self.store.control.connect() as connection:
            return [_vote(queue, row) for row in connection.execute(query)]

    def progress(self, project: str, queue: Queue) -> Progress:
        """How far a queue is."""
        status = select(_I.status, func.count()).where(_I.project_id == project, _I.queue_id == queue.id)
        mine = (_S.project_id == project, _S.queue_id == queue.id, _S.acted_us > 0)
        acted = select(_S.annotator, _S.role, _S.status, func.count(), func.max(_S.acted_us)).where(*mine)
        live = (_V.project_id == project, _V.queue_id == queue.id, _V.replaced_us.is_(None))
        took = select(_V.annotator, func.avg(_V.seconds)).where(*live).group_by(_V.annotator)
        with self.store.control.connect() as connection:
            items: dict[Status, int] = {row[0]: row[1] for row in connection.execute(status.group_by(_I.status))}
            rows = connection.execute(acted.group_by(_S.annotator, _S.role, _S.status)).all()
            seconds = {row[0]: row[1] for row in connection.execute(took)}
        counts = defaultdict[str, dict[str, int]](lambda: {"voted": 0, "skipped": 0, "decided": 0, "last": 0})
        for annotator, role, what, count, last in rows:
            one = counts[annotator]
            one["decided" if (role, what) == ("decide", "voted") else what] += count
            one["last"] = max(one["last"], last)
        people = [
            Annotated(name, one["voted"], one["skipped"], one["decided"], seconds.get(name), one["last"])
            for name, one in sorted(counts.items())
        ]
        each = queue.settings.annotators
        return Progress(items, sum(items.values()) * each, sum(one.voted for one in people), people)

    def tally(self, project: str, queue: Queue, annotator: str) -> Tally:
        """How far a queue is, and how many items this annotator voted on."""
        status = select(_I.status, func.count()).where(_I.project_id == project, _I.queue_id == queue.id)
        voted = (_S.project_id == project, _S.queue_id == queue.id, _S.role == "vote", _S.status == "voted")
        given = select(func.count(), func.sum(case((_S.annotator == annotator, 1), else_=0))).where(*voted)
        with self.store.control.connect() as connection:
            items: dict[Status, int] = {row[0]: row[1] for row in connection.execute(status.group_by(_I.status))}
            votes, mine = connection.execute(given).one()
        return Tally(items, sum(items.values()) * queue.settings.annotators, votes, mine or 0)

    def correct(
        self, project: str, queue: Queue, item_id: str, annotator: str, text: str, *, dataset_id: str | None = None,
        item_key: str | None = None,
    ) -> Correction:  # fmt: skip
        """Keep what the output should have been. Raises NotFound for an item that is gone."""
        self.check_correction(text)
        item, now = self.items.get(project, queue, item_id), self.clock()
        made = Correction(new_id(now), item.id, annotator, text, dataset_id, item_key, now)
        row = {
            "project_id": project, "id": made.id, "queue_id": queue.id, "item_id": item.id, "annotator": annotator,
            "dataset_id": dataset_id, "item_key": item_key, "at_us": now,
            "body": self.store.packer.pack(text, project, made.id),
        }  # fmt: skip
        with writing(self.store.control) as connection:
            locked(connection, project, queue.id)  # whoever erases the item waits, or did it before
            if connection.scalar(select(_I.id).where(_I.project_id == project, _I.id == item.id)) is None:
                raise NotFound("This item was deleted meanwhile.", param="item")
            try:
                connection.execute(insert(review_corrections), row)
            except IntegrityError as error:
                raise StorageError(f"The correction could not be kept: {error}.") from None
        return made

    def check_correction(self, text: str) -> None:
        """Raises InvalidRequest for a text that cannot be one."""
        if not text.strip() or len(text) > _LONGEST:
            raise InvalidRequest(f"A correction is a text of 1 to {_LONGEST:,} characters.", param="correction")

    def corrections(self, project: str, queue: Queue, item_id: str | None = None) -> list[Correction]:
        """The corrections of a queue, or of one item, by time."""
        query = select(review_corrections).where(_C.project_id == project, _C.queue_id == queue.id)
        if item_id is not None:
            query = query.where(_C.item_id == item_id)
        with self.store.control.connect() as connection:
            rows = connection.execute(query.order_by(_C.id)).all()
        return [
            Correction(
                row.id, row.item_id, row.annotator, self.store.packer.unpack(row.body, project, row.id),
                row.dataset_id, row.item_key, row.at_us,
            )
            for row in rows
        ]  # fmt: skip

    def _votes(self, project: str, queue: Queue) -> Select[Any]:
        where = (_V.project_id == project, _V.queue_id == queue.id)
        of_item = and_(_I.project_id == _V.project_id, _I.id == _V.item_id)
        query = select(review_votes, *_SOURCE).join(review_items, of_item).where(*where)
        return query.order_by(_I.place, _V.at_us, _V.criterion, _V.id)


def _vote(queue: Queue, row: Row[Any]) -> Vote:
    return Vote(
        row.id, row.item_id, _source(row), row.role, row.annotator, row.criterion, read_value(queue.kind, row.value),
        row.comment, row.seconds, row.at_us, row.replaced_us,
    )  # fmt: skip


def _label(queue: Queue, item_id: str, rows: list[Row[Any]]) -> Label:
    votes = {row.annotator: read_value(queue.kind, row.value) for row in rows if row.role == "vote"}
    decided = [read_value(queue.kind, row.value) for row in rows if row.role == "decide"]
    done = rows[0].status == "done"
    told = decided[-1] if decided else label_of([*votes.values()])
    return Label(item_id, _source(rows[0]), told if done else None, votes, bool(decided))


def _source(row: Row[Any]) -> Source:
    return Source(row.trace_id, row.span_id, row.run_id, row.other_run_id, row.case_id, row.trial)
