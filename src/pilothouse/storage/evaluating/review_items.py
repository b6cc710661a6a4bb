"""The items of review queues: what annotators are to judge, and where each came from. Knows nothing of votes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.ids import content_hash, new_id, now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.review_queues import Queue, locked
from pilothouse.storage.statements import among
from pilothouse.storage.tables.reviewing import review_items, review_queues, review_sources
from pilothouse.types import Json

__all__ = ["NewReviewItem", "ReviewItem", "ReviewItemPage", "ReviewItems", "Source", "Status", "item_from"]

MOST_ITEMS = 500
_AT_ONCE = 200
_I = review_items.c
_PARTS = ("trace_id", "span_id", "run_id", "other_run_id", "case_id", "trial")

Status = Literal["open", "disputed", "done"]


@dataclass(frozen=True, slots=True)
class Source:
    """What an item is about: a trace or one span of it; a case of an evaluation run in a trial; the same of two runs
    side by side; or, without any of these, what was given with it."""

    trace_id: str | None = None
    span_id: str | None = None
    run_id: str | None = None
    other_run_id: str | None = None
    case_id: str | None = None
    trial: int | None = None

    @property
    def parts(self) -> Json:
        return {name: getattr(self, name) for name in _PARTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReviewItem:
    """What annotators see: an input and its output, or two `outputs` side by side, made by `systems`, whose names
    they do not see. `reason` says why it is here. `traces` and `user` (as observe's `user_hash` names them) are
    what it came of: deleting those deletes it."""

    source: Source = Source()
    input: Any
    outputs: tuple[str, ...]
    systems: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    expected: Any = None
    metadata: Json = field(default_factory=dict)
    reason: str = "by hand"
    traces: tuple[str, ...] = ()
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """An item that is kept."""

    id: str
    queue_id: str
    place: int
    status: Status
    reason: str
    created_us: int
    source: Source
    input: Any
    outputs: tuple[str, ...]
    systems: tuple[str, ...]
    context: tuple[str, ...]
    expected: Any
    metadata: Json
    traces: tuple[str, ...]
    user: str | None


@dataclass(frozen=True, slots=True)
class ReviewItemPage:
    """Items in their order. `next` continues: hand it back as `after`. None at the end."""

    items: list[ReviewItem]
    next: int | None


@dataclass(frozen=True, slots=True)
class ReviewItems:
    """Of a store. Every method blocks on the database. `clock` gives microseconds."""

    store: Store
    clock: Callable[[], int] = now_us

    def add(self, project: str, queue: Queue, items: Iterable[NewReviewItem]) -> int:
        """Put items at the end of a queue; how many were not in it yet. Of each source there is one at most, ever.

        Raises InvalidRequest for an item that does not fit the kind of queue."""
        added, rest = 0, iter(items)
        while some := [*islice(rest, _AT_ONCE)]:
            keyed = {_key(queue, item): item for item in some}
            with writing(self.store.control) as connection:
                added += self._put(connection, project, queue, keyed)
        return added

    def new(self, project: str, queue: Queue, sources: Sequence[Source]) -> list[Source]:
        """Those of these that are not in the queue yet, in their order."""
        keys = [(project, queue.id, key) for source in sources if (key := _named(source)) is not None]
        with self.store.control.connect() as connection:
            which = among(connection, (_I.project_id, _I.queue_id, _I.source), keys)
            there = {*connection.execute(select(_I.source).where(which)).scalars()}
        return [source for source in sources if _named(source) not in there]

    def get(self, project: str, queue: Queue, item_id: str) -> ReviewItem:
        """Raises NotFound."""
        query = select(review_items).where(_I.project_id == project, _I.id == item_id, _I.queue_id == queue.id)
        with self.store.control.connect() as connection:
            row = None if "\0" in item_id else connection.execute(query).first()
        if row is None:
            raise NotFound(f"There is no item '{item_id[:64]}' in the queue '{queue.name}'.", param="item")
        return item_from(self.store, row)

    def page(
        self, project: str, queue: Queue, *, status: Status | None = None, after: int | None = None, limit: int = 100
    ) -> ReviewItemPage:  # fmt: skip
        """Up to `limit` (500 at most) items, those after the place `after`."""
        limit = max(1, min(MOST_ITEMS, limit))
        query = select(review_items).where(_I.project_id == project, _I.queue_id == queue.id)
        if status is not None:
            query = query.where(_I.status == status)
        if after is not None:
            query = query.where(_I.place > after)
        with self.store.control.connect() as connection:
            rows = connection.execute(query.order_by(_I.place).limit(limit + 1)).all()
        items = [item_from(self.store, row) for row in rows[:limit]]
        return ReviewItemPage(items, items[-1].place if len(rows) > limit else None)

    def each(self, project: str, queue: Queue) -> Iterator[ReviewItem]:
        """All items in their order, read page by page."""
        after: int | None = None
        while True:
            page = self.page(project, queue, after=after, limit=MOST_ITEMS)
            yield from page.items
            if (after := page.next) is None:
                return

    def _put(self, connection: Connection, project: str, queue: Queue, keyed: dict[str, NewReviewItem]) -> int:
        row = locked(connection, project, queue.id)
        keys = [(project, queue.id, key) for key in keyed]
        which = among(connection, (_I.project_id, _I.queue_id, _I.source), keys)
        there = {*connection.execute(select(_I.source).where(which)).scalars()}
        new = {key: item for key, item in keyed.items() if key not in there}
        now, rows, sources = self.clock(), list[Json](), list[Json]()
        for place, (key, item) in enumerate(new.items(), row.places + 1):
            made = new_id(now)
            body = {
                "input": item.input, "outputs": item.outputs, "systems": item.systems, "context": item.context,
                "expected": item.expected, "metadata": item.metadata, "traces": item.traces, "user": item.user,
            }  # fmt: skip
            rows.append({
                "project_id": project, "id": made, "queue_id": queue.id, "place": place, "source": key,
                **item.source.parts, "status": "open", "reason": item.reason[:500], "created_us": now,
                "body": _packed(self.store, body, project, made),
            })  # fmt: skip
            of = [("trace", trace) for trace in dict.fromkeys(item.traces)]
            of += [("user", item.user)] if item.user else []
            sources += [{"project_id": project, "item_id": made, "kind": kind, "value": value} for kind, value in of]
        if rows:
            connection.execute(insert(review_items), rows)
            places = {"places": row.places + len(rows)}
            this = (review_queues.c.project_id == project, review_queues.c.id == queue.id)
            connection.execute(update(review_queues).where(*this).values(places))
        if sources:
            connection.execute(insert(review_sources), sources)
        return len(rows)


def item_from(store: Store, row: Row[Any]) -> ReviewItem:
    """An item from its row. Raises StorageError where its body cannot be read."""
    try:
        body = store.packer.unpack(row.body, row.project_id, row.id)
    except ValueError as error:
        raise StorageError(f"The review item '{row.id}' cannot be read: {error}.") from None
    return ReviewItem(
        id=row.id, queue_id=row.queue_id, place=row.place, status=row.status, reason=row.reason,
        created_us=row.created_us, source=Source(*(getattr(row, name) for name in _PARTS)), input=body["input"],
        outputs=tuple(body["outputs"]), systems=tuple(body["systems"]), context=tuple(body["context"]),
        expected=body["expected"], metadata=body["metadata"], traces=tuple(body["traces"]), user=body["user"],
    )  # fmt: skip


def _key(queue: Queue, item: NewReviewItem) -> str:
    wanted = 2 if queue.kind == "pairwise" else 1
    if len(item.outputs) != wanted:
        shown = "two outputs, side by side" if wanted == 2 else "one output"
        raise InvalidRequest(f"Items of the queue '{queue.name}' have {shown}; this one has {len(item.outputs)}.",
                             param="outputs")  # fmt: skip
    return _named(item.source) or f"given:{_hashed([item.input, item.outputs])}"


def _named(source: Source) -> str | None:
    """What names a source, once in a queue. The two runs of a pair may come in either order."""
    if source.run_id is not None:
        runs = sorted(run for run in (source.run_id, source.other_run_id) if run is not None)
        return _plain(":".join(("run", *runs, source.case_id or "", str(source.trial or 0))))
    if source.trace_id is not None:
        return _plain(":".join(("trace", source.trace_id, *filter(None, (source.span_id,)))))
    return None


def _hashed(content: Sequence[Any]) -> str:
    try:
        return content_hash(content)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"An item must be JSON: {error}.", param="input") from None


def _packed(store: Store, body: Json, project: str, made: str) -> bytes:
    try:
        return store.packer.pack(body, project, made)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"An item must be JSON: {error}.", param="metadata") from None


def _plain(text: str) -> str:
    return text.replace("\0", "\ufffd")
