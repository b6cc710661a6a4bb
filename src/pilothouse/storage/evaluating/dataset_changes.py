"""How a version of a dataset is made. Items arrive in batches, seen by nobody; then one transaction makes the next
version of them, whatever others do meanwhile.

The hash of an item is BLAKE2b-128 over its content as canonical JSON. That of a version is the sum of its items' hashes
modulo 2**128, so that a version of 100,000 items is named without reading those that stayed (incremental hashing:
Bellare and Micciancio, Eurocrypt 1997). It tells sets apart; it is no proof against somebody who makes up items to that
end.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from pilothouse.errors import Conflict, InvalidRequest
from pilothouse.ids import new_id
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.dataset_items import NewItem, within
from pilothouse.storage.statements import add_new, among
from pilothouse.storage.tables import dataset_items, dataset_versions, datasets

__all__ = ["EMPTY", "Change", "DatasetChanges", "item_hash"]

EMPTY = "0" * 32
"""The hash of no items."""

MOST_NAME = 512
_AT_ONCE = 500
_PLANNED = 2000  # arrivals from which on Postgres must know of them: else it may compare each with each
_DAY_US = 24 * 3600 * 1_000_000  # a draft that is not complete by then never will be
_C, _D, _V = dataset_items.c, datasets.c, dataset_versions.c
_NAMES = (
    "project_id", "id", "dataset_id", "key", "place", "hash", "split", "source_trace", "source_span", "source_user",
    "draft", "created_us", "body",
)  # fmt: skip
_Hashes = Sequence[str]


@dataclass(frozen=True, slots=True)
class Change:
    """What a change came to: the newest version now, and how many items were added, changed, removed, and neither
    new nor a change."""

    version: int
    added: int
    changed: int
    removed: int
    unchanged: int


def item_hash(item: NewItem) -> str:
    """32 hex digits that depend on what an item says and where it came from, not on its key. Raises InvalidRequest."""
    content = [
        item.input, item.expected, item.context, item.metadata, item.split, item.source_trace, item.source_span
    ]  # fmt: skip
    return blake2b(_encoded(content), digest_size=16).hexdigest()


class DatasetChanges:
    """Of one dataset of a store. Blocks on the database."""

    def __init__(self, store: Store, project: str, dataset_id: str, clock: Callable[[], int]) -> None:
        self._store, self._engine, self._clock = store, store.control, clock
        self._project, self._dataset = project, dataset_id
        self._draft = new_id(clock())
        self._of = (_C.project_id == project, _C.dataset_id == dataset_id)
        self._mine = (_C.draft == self._draft,)  # alone, so that SQLite goes by no other index
        self._present = (*self._of, _C.since.is_not(None), _C.until.is_(None))

    def make(
        self, add: Iterable[NewItem], *, remove: Iterable[str], replace: bool, base: int | None, author: str, note: str
    ) -> Change:  # fmt: skip
        """See Datasets.change."""
        try:
            arrived = self._arrive(iter(add))
            with writing(self._engine) as connection:
                return self._publish(connection, arrived, [*remove], replace, base, {"author": author, "note": note})
        except BaseException:
            with writing(self._engine) as connection:
                connection.execute(delete(dataset_items).where(*self._mine))
            raise

    def _arrive(self, items: Iterable[NewItem]) -> int:
        """Write the items, batch by batch; how many they are."""
        arrived, old = 0, new_id(self._clock() - _DAY_US)
        with writing(self._engine) as connection:
            connection.execute(delete(dataset_items).where(_C.draft < old))
        while some := [*islice(items, _AT_ONCE)]:
            rows = [self._row(item, arrived + i) for i, item in enumerate(some)]
            with writing(self._engine) as connection:
                add_new(connection, dataset_items.name, _NAMES, rows)
            arrived += len(rows)
        if arrived > _PLANNED and self._engine.dialect.name == "postgresql":
            with writing(self._engine) as connection:
                connection.exec_driver_sql(f"ANALYZE {dataset_items.name}")
        return arrived

    def _row(self, item: NewItem, place: int) -> tuple[object, ...]:
        now = self._clock()
        made = new_id(now)
        try:
            hashed = item_hash(item)
            names = [_checked(name, getattr(item, name)) for name in ("key", "split", *_NAMES[7:10])]
        except InvalidRequest as error:
            raise InvalidRequest(f"Item {place + 1}: {error.message}", param=error.param) from None
        body = {"input": item.input, "expected": item.expected, "context": item.context, "metadata": item.metadata}
        packed = self._store.packer.pack(body, self._project, made)
        key, split, *source = names
        row = (self._project, made, self._dataset, key or made, place, hashed, split, *source)
        return (*row, self._draft, now, packed)

    def _publish(
        self, connection: Connection, arrived: int, remove: list[str], replace: bool, base: int | None, told: Any
    ) -> Change:  # fmt: skip
        this = (_D.project_id == self._project, _D.id == self._dataset)
        query = select(_D.name, _D.version, _D.places, _D.archived_us).where(*this).with_for_update()
        dataset = connection.execute(query).one()
        if dataset.archived_us is not None:
            raise Conflict(f"The dataset '{dataset.name}' is archived: take it back into the list to change it.")
        if base is not None and base != dataset.version:
            raise Conflict(f"The newest version of the dataset '{dataset.name}' is {dataset.version}, not {base}.")
        number = dataset.version + 1
        self._alone(connection)
        gone = self._without(connection, number, remove, replace)
        changed = self._matched(connection, number)
        come = self._settled(connection, number, dataset.places)
        added, removed = len(come) - len(changed), len(gone)
        if not come and not gone:
            return Change(dataset.version, 0, 0, 0, arrived)
        before = connection.execute(select(_V.hash, _V.size, _V.erased).where(*self._version(number - 1))).first()
        hashed, size = (before.hash, before.size - before.erased) if before else (EMPTY, 0)
        whole = before is not None and before.erased > 0
        hashed = self._hash_of_all(connection, number) if whole else _sum(hashed, come, [*gone, *changed])
        row = {
            "project_id": self._project, "dataset_id": self._dataset, "number": number, "hash": hashed,
            "size": size + added - removed, "erased": 0, "added": added, "changed": len(changed),
            "removed": removed, "created_us": self._clock(), **told,
        }  # fmt: skip
        connection.execute(insert(dataset_versions), row)
        values = {"version": number, "places": dataset.places + arrived, "updated_us": row["created_us"]}
        connection.execute(update(datasets).where(*this).values(values))
        return Change(number, added, len(changed), removed, arrived - len(come))

    def _alone(self, connection: Connection) -> None:
        """Of those that arrived, keep one of each key, and of those without one, one of each content."""
        named = select(_C.key).where(*self._mine, _C.key != _C.id)
        twice = connection.scalar(named.group_by(_C.key).having(func.count(_C.hash.distinct()) > 1).limit(1))
        if twice is not None:
            raise InvalidRequest(f"Two of the items have the id '{twice}' and are not the same.", param="id")
        for column, which in ((_C.key, self._mine), (_C.hash, (*self._mine, _C.key == _C.id))):
            nth = func.row_number().over(partition_by=column, order_by=_C.place)
            ranked = select(_C.id, _C.key, nth.label("nth")).where(*self._mine).subquery()
            again = select(ranked.c.id).where(ranked.c.nth > 1)
            connection.execute(delete(dataset_items).where(*which, _C.id.in_(again)))

    def _without(self, connection: Connection, number: int, remove: list[str], replace: bool) -> list[str]:
        """Take out what is to be removed; the hashes of it."""
        gone = list[str]()
        for first in range(0, len(remove), _AT_ONCE):
            keys = [(self._project, key) for key in remove[first : first + _AT_ONCE] if key.isprintable()]
            gone += self._retire(connection, number, among(connection, (_C.project_id, _C.key), keys))
        if replace:
            new = dataset_items.alias()
            # Not by the index of drafts, which finds all of them for each that is there.
            mine = (
                new.c.project_id == self._project, new.c.dataset_id == self._dataset,
                func.coalesce(new.c.draft, "") == self._draft,
            )  # fmt: skip
            of_key = select(new.c.id).where(*mine, new.c.key == _C.key).exists()
            of_content = select(new.c.id).where(*mine, new.c.hash == _C.hash, new.c.key == new.c.id)
            gone += self._retire(connection, number, ~of_key, ~of_content.exists())
        return gone

    def _matched(self, connection: Connection, number: int) -> list[str]:
        """Forget what arrived and is there, and take out what it changes; the hashes of that."""
        there = dataset_items.alias()
        present = (
            there.c.project_id == self._project, there.c.dataset_id == self._dataset, there.c.since.is_not(None),
            there.c.until.is_(None), there.c.hash == _C.hash,
        )  # fmt: skip
        same = select(there.c.id).where(*present, there.c.key == _C.key).exists()
        connection.execute(delete(dataset_items).where(*self._mine, same))
        changed = self._retire(connection, number, _C.key.in_(select(_C.key).where(*self._mine)))
        like = select(there.c.id).where(*present).exists()
        connection.execute(delete(dataset_items).where(*self._mine, _C.key == _C.id, like))
        return changed

    def _settled(self, connection: Connection, number: int, places: int) -> list[str]:
        """Make what is left part of the version, each in the place of what had its key before; the hashes of it."""
        before = dataset_items.alias()
        of_key = (
            before.c.project_id == self._project, before.c.dataset_id == self._dataset, before.c.key == _C.key,
            before.c.since.is_not(None),
        )  # fmt: skip
        # `+ 0`, or SQLite would look through the places in their order for the least one of this key.
        place = select(func.min(before.c.place + 0)).where(*of_key).scalar_subquery()
        values = {"since": number, "draft": None, "place": func.coalesce(place, places + _C.place)}
        statement = update(dataset_items).where(*self._mine).values(values).returning(_C.hash)
        return [*connection.execute(statement).scalars()]

    def _retire(self, connection: Connection, number: int, *which: Any) -> list[str]:
        statement = update(dataset_items).where(*self._present, *which).values(until=number).returning(_C.hash)
        return [*connection.execute(statement).scalars()]

    def _hash_of_all(self, connection: Connection, number: int) -> str:
        query = select(_C.hash).where(*self._of, within(number))
        return _sum(EMPTY, connection.execute(query, execution_options={"yield_per": _AT_ONCE}).scalars())

    def _version(self, number: int) -> tuple[Any, ...]:
        return _V.project_id == self._project, _V.dataset_id == self._dataset, _V.number == number


def _sum(start: str, come: Iterable[str], gone: Iterable[str] = ()) -> str:
    total = int(start, 16) + sum(int(one, 16) for one in come) - sum(int(one, 16) for one in gone)
    return f"{total % 2**128:032x}"


def _checked(name: str, value: str | None) -> str | None:
    if value is not None and not (0 < len(value) <= MOST_NAME and value.isprintable()):
        told = {"key": "id"}.get(name, name)
        raise InvalidRequest(f"'{told}' must be a text of 1 to {MOST_NAME} printable characters.", param=told)
    return value


def _encoded(content: Any) -> bytes:
    try:
        return msgspec.json.encode(content, order="deterministic")
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"this is not JSON: {error}.", param="input") from None
