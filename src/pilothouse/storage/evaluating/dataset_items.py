"""The items of datasets, as they are read: a page of a version, one, or what differs between two versions.

An item's content never changes under its id. Its `key` is the name that stays when it is changed: the id that whoever
added it gave it, else its own first id. Knows nothing of how versions are made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, func, not_, or_, select
from sqlalchemy.engine import Connection

from pilothouse.errors import NotFound, StorageError
from pilothouse.storage.database import Store
from pilothouse.storage.statements import among
from pilothouse.storage.tables import dataset_items
from pilothouse.types import Json

__all__ = ["DatasetItems", "Diff", "Difference", "Item", "ItemPage", "NewItem", "within"]

MOST_ITEMS = 500
_ROWS = 2000
_C = dataset_items.c


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """What an item says. `input` and `expected` are any JSON; `context` are the passages that an answer may rest on.

    `split` names a part of the dataset, such as `test`. `source_trace` and `source_span` tell which step of production
    it came from, `source_user` the user (as observe's `user_hash` names them): deleting those deletes the item.
    """

    input: Any
    expected: Any = None
    context: tuple[str, ...] = ()
    metadata: Json = field(default_factory=dict)
    split: str | None = None
    source_trace: str | None = None
    source_span: str | None = None
    source_user: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(NewItem):
    """An item that is kept. `since` is the version in which it came; `until` the one in which it was gone, None while
    it is part of the newest. `hash` is of its content, 32 hex digits."""

    id: str
    key: str
    dataset_id: str
    hash: str
    place: int
    since: int
    until: int | None
    created_us: int


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Items in their order. `next` continues: hand it back as `after`. None at the end."""

    items: list[Item]
    next: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One item that is not the same in two versions: `old` is None where it was added, `new` where it was removed."""

    kind: Literal["added", "removed", "changed"]
    key: str
    old: Item | None
    new: Item | None


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two versions: how much in all, and a page of it in the order of the items."""

    added: int
    removed: int
    changed: int
    page: list[Difference]
    next: int | None


class DatasetItems:
    """Of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self, project: str, dataset_id: str, version: int, *, split: str | None = None, after: int | None = None,
        limit: int = 100, skip: int = 0,
    ) -> ItemPage:  # fmt: skip
        """Up to `limit` (500 at most) items of a version, those after the place `after`, without the first `skip` of
        these: going on by `after` is cheaper."""
        limit = max(1, min(MOST_ITEMS, limit))
        query = select(dataset_items).where(*_of(project, dataset_id), within(version))
        if split is not None:
            query = query.where(_C.split == split)
        if after is not None:
            query = query.where(_C.place > after)
        with self._store.control.connect() as connection:
            rows = connection.execute(query.order_by(_C.place).limit(limit + 1).offset(skip)).all()
        items = [self._item(row) for row in rows[:limit]]
        return ItemPage(items, items[-1].place if len(rows) > limit else None)

    def each(self, project: str, dataset_id: str, version: int, *, split: str | None = None) -> Iterator[Item]:
        """All items of a version, in their order, read page by page."""
        after: int | None = None
        while True:
            page = self.page(project, dataset_id, version, split=split, after=after, limit=MOST_ITEMS)
            yield from page.items
            if (after := page.next) is None:
                return

    def get(self, project: str, key: str, dataset_id: str | None = None, version: int | None = None) -> Item:
        """The item of this key as it is in `version`, else as it was last. Raises NotFound."""
        where = [_C.project_id == project, _C.key == key, _C.since.is_not(None)]
        if dataset_id is not None:
            where.append(_C.dataset_id == dataset_id)
        if version is not None:
            where.append(within(version))
        return self._one(select(dataset_items).where(*where).order_by(_C.since.desc(), _C.id.desc()).limit(1), key)

    def of_trace(
        self, project: str, trace: str, *, span: str | None = None, dataset_id: str | None = None, limit: int = 100,
        skip: int = 0,
    ) -> list[Item]:  # fmt: skip
        """Up to `limit` items that came from this trace, or from this step of it, as they are now, the newest first."""
        where = [_C.project_id == project, _C.source_trace == trace, _C.since.is_not(None), _C.until.is_(None)]
        if span is not None:
            where.append(_C.source_span == span)
        if dataset_id is not None:
            where.append(_C.dataset_id == dataset_id)
        query = select(dataset_items).where(*where).order_by(_C.created_us.desc(), _C.id).limit(limit).offset(skip)
        with self._store.control.connect() as connection:
            return [self._item(row) for row in connection.execute(query)]

    def elsewhere(self, project: str, dataset_id: str, keys: Sequence[str]) -> set[str]:
        """Which of these keys items of other datasets have, too."""
        with self._store.control.connect() as connection:
            these = among(connection, (_C.project_id, _C.key), [(project, key) for key in keys])
            query = select(_C.key).where(these, _C.dataset_id != dataset_id, _C.since.is_not(None)).distinct()
            return {*connection.execute(query).scalars()} if keys else set()

    def exact(self, project: str, item_id: str) -> Item:
        """The item of this id, whose content is what it always was. Raises NotFound."""
        query = select(dataset_items).where(_C.project_id == project, _C.id == item_id, _C.since.is_not(None))
        return self._one(query, item_id)

    def diff(
        self, project: str, dataset_id: str, old: int, new: int, *, after: int | None = None, limit: int = 100
    ) -> Diff:
        """What came and went from the version `old` to `new`, whichever is the older."""
        limit, counts, pages = max(1, min(MOST_ITEMS, limit)), {"added": 0, "removed": 0, "changed": 0}, list[_Pair]()
        with self._store.control.connect() as connection:
            for pair in _pairs(connection, project, dataset_id, old, new):
                counts[pair.kind] += 1
                if len(pages) <= limit and (after is None or pair.place > after):
                    pages.append(pair)
            shown = pages[:limit]
            ids = [(project, i) for pair in shown for i in (pair.old, pair.new) if i]
            rows = connection.execute(select(dataset_items).where(among(connection, (_C.project_id, _C.id), ids)))
            items = {row.id: self._item(row) for row in rows}
        told = [Difference(pair.kind, pair.key, items.get(pair.old or ""), items.get(pair.new or "")) for pair in shown]
        return Diff(**counts, page=told, next=shown[-1].place if len(pages) > limit else None)

    def splits(self, project: str, dataset_id: str, version: int) -> dict[str | None, int]:
        """How many items each split of a version has."""
        query = select(_C.split, func.count()).where(*_of(project, dataset_id), within(version)).group_by(_C.split)
        with self._store.control.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def _one(self, query: Select[Any], name: str) -> Item:
        with self._store.control.connect() as connection:
            row = connection.execute(query).first() if name.isprintable() else None
        if row is None:
            told = name[:128].encode("utf-8", "replace").decode()
            raise NotFound(f"There is no item '{told}' here.", param="item")
        return self._item(row)

    def _item(self, row: Row[Any]) -> Item:
        try:
            body = self._store.packer.unpack(row.body, row.project_id, row.id)
        except ValueError as error:
            raise StorageError(f"The item '{row.id}' of a dataset cannot be read: {error}.") from None
        return Item(
            id=row.id, key=row.key, dataset_id=row.dataset_id, hash=row.hash, place=row.place, since=row.since,
            until=row.until, created_us=row.created_us, split=row.split, source_trace=row.source_trace,
            source_span=row.source_span, source_user=row.source_user, input=body["input"], expected=body["expected"],
            context=tuple(body["context"]), metadata=body["metadata"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Pair:
    place: int
    key: str
    old: str | None
    new: str | None

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        return "added" if self.old is None else "removed" if self.new is None else "changed"


def within(version: int) -> ColumnElement[bool]:
    """That an item is part of this version."""
    return and_(_C.since <= version, or_(_C.until.is_(None), _C.until > version))


def _of(project: str, dataset_id: str) -> tuple[ColumnElement[bool], ...]:
    return _C.project_id == project, _C.dataset_id == dataset_id


def _pairs(connection: Connection, project: str, dataset_id: str, old: int, new: int) -> Iterator[_Pair]:
    """Each item that differs, in order; of the same key are of the same place, so that they come together."""
    query = (
        select(_C.place, _C.key, _C.id, _C.hash, within(old).label("was"))
        .where(
            *_of(project, dataset_id), or_(and_(within(old), not_(within(new))), and_(within(new), not_(within(old))))
        )
        .order_by(_C.place, _C.key)
    )
    found = connection.execute(query, execution_options={"yield_per": _ROWS})
    for (place, key), rows in groupby(found, lambda row: (row.place, row.key)):
        mine = {row.was: row for row in rows}
        was, now = mine.get(True), mine.get(False)
        if was is None or now is None or was.hash != now.hash:
            yield _Pair(place, key, None if was is None else was.id, None if now is None else now.id)
