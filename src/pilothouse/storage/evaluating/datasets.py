"""Datasets by project and name, and their versions. A version never changes, and none is lost: what is not wanted any
more is archived.

Only an erasure takes items out of versions that are there: a version says then how many. Knows nothing of evaluators.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.dataset_changes import EMPTY, Change, DatasetChanges
from pilothouse.storage.evaluating.dataset_items import DatasetItems, NewItem
from pilothouse.storage.statements import storable
from pilothouse.storage.tables import dataset_versions, datasets
from pilothouse.types import Json

__all__ = ["Dataset", "DatasetPage", "Datasets", "Version"]

MOST_DATASETS = 500
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_D, _V = datasets.c, dataset_versions.c


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset; `version` is the number of its newest version, 0 while it never had an item."""

    id: str
    name: str
    description: str
    metadata: Json
    version: int
    created_us: int
    updated_us: int
    archived_us: int | None = None


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """Datasets by name. `next` continues: hand it back as `after`. None at the end."""

    datasets: list[Dataset]
    next: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A numbered set of items. `hash` (32 hex digits) tells its content: equal sets have the same, in any project.

    `size` is how many items there were when it was made, of which `erased` are gone since; `added`, `changed` and
    `removed` what was done to the version before.
    """

    number: int
    hash: str = EMPTY
    size: int = 0
    erased: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    author: str = ""
    note: str = ""
    created_us: int = 0


@dataclass(frozen=True, slots=True)
class Datasets:
    """Of a store; `items` reads what is in them. Every method blocks on the database. `clock` gives microseconds."""

    store: Store
    clock: Callable[[], int] = now_us
    items: DatasetItems = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", DatasetItems(self.store))

    def create(self, project: str, name: str, *, description: str = "", metadata: Json | None = None) -> Dataset:
        """A new, empty dataset. Raises Conflict where there is one of that name, InvalidRequest for an odd one."""
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                "A dataset's name has 1 to 256 characters, none of them a control character.", param="name"
            )
        now = self.clock()
        made = Dataset(new_id(now), storable(name), storable(description), metadata or {}, 0, now, now)
        row = {
            "project_id": project, "id": made.id, "name": made.name, "description": made.description,
            "metadata": _json(made.metadata), "version": 0, "places": 0, "created_us": now, "updated_us": now,
        }  # fmt: skip
        try:
            with writing(self.store.control) as connection:
                connection.execute(insert(datasets), row)
        except IntegrityError:
            raise Conflict(f"There is a dataset '{made.name}' already.", param="name") from None
        return made

    def get(self, project: str, reference: str) -> Dataset:
        """The dataset of this name, else of this id; also one that is archived. Raises NotFound."""
        query = select(datasets).where(_D.project_id == project, or_(_D.name == reference, _D.id == reference))
        with self.store.control.connect() as connection:
            rows = connection.execute(query).all() if reference == storable(reference) else []
        if not rows:
            raise NotFound(f"There is no dataset '{storable(reference[:256])}'.", param="dataset")
        return _dataset(next((row for row in rows if row.name == reference), rows[0]))

    def at(self, project: str, reference: str) -> tuple[Dataset, Version]:
        """What `name` or `name@version` means: the dataset, and that version, else its newest. Raises NotFound."""
        name, _, number = reference.rpartition("@")
        pinned = bool(name) and number.isascii() and number.isdecimal() and len(number) < 10
        dataset = self.get(project, name if pinned else reference)
        return dataset, self.version(project, dataset, int(number) if pinned else None)

    def list(
        self, project: str, *, text: str = "", after: str | None = None, limit: int = 50, archived: bool = False,
        skip: int = 0,
    ) -> DatasetPage:  # fmt: skip
        """Up to `limit` (500 at most) datasets with `text` in their names, those after the name `after`, without the
        first `skip` of these; `archived` ones are a list of their own."""
        limit = max(1, min(MOST_DATASETS, limit))
        query = select(datasets).where(_D.project_id == project, (_D.archived_us.is_not(None)) == archived)
        if text:
            query = query.where(_D.name.icontains(storable(text), autoescape=True))
        if after is not None:
            query = query.where(_D.name > storable(after))
        with self.store.control.connect() as connection:
            rows = connection.execute(query.order_by(_D.name).limit(limit + 1).offset(skip)).all()
        return DatasetPage([_dataset(row) for row in rows[:limit]], rows[limit - 1].name if len(rows) > limit else None)

    def count(self, project: str) -> int:
        """How many datasets there are that are not archived."""
        query = select(func.count()).where(_D.project_id == project, _D.archived_us.is_(None))
        with self.store.control.connect() as connection:
            return connection.scalar(query) or 0

    def describe(
        self, project: str, reference: str, *, description: str | None = None, metadata: Json | None = None
    ) -> Dataset:  # fmt: skip
        """Change what is said of a dataset; None leaves it. Raises NotFound."""
        changes: Json = {} if description is None else {"description": storable(description)}
        return self._set(project, reference, changes if metadata is None else {**changes, "metadata": _json(metadata)})

    def archive(self, project: str, reference: str, archived: bool = True) -> Dataset:
        """Take a dataset out of the list, or back into it. Everything of it stays. Raises NotFound."""
        return self._set(project, reference, {"archived_us": self.clock() if archived else None})

    def version(self, project: str, dataset: Dataset, number: int | None = None) -> Version:
        """A version, by default the newest. Version 0, which is empty, is always there. Raises NotFound."""
        number = dataset.version if number is None else number
        query = select(dataset_versions).where(*_of(project, dataset), _V.number == number)
        with self.store.control.connect() as connection:
            row = connection.execute(query).first() if 0 < number < 2**31 else None
        if row is None and number != 0:
            raise NotFound(f"The dataset '{dataset.name}' has no version {number}.", param="version")
        return Version(0, created_us=dataset.created_us) if row is None else _version(row)

    def version_at(self, project: str, dataset: Dataset, at_us: int) -> Version:
        """The newest version that there was at this time (UTC microseconds)."""
        query = select(func.max(_V.number)).where(*_of(project, dataset), _V.created_us <= at_us)
        with self.store.control.connect() as connection:
            number = connection.scalar(query)
        return self.version(project, dataset, number or 0)

    def made_at(self, project: str, dataset_id: str, numbers: Sequence[int]) -> dict[int, int]:
        """When each of these versions was made, in UTC microseconds."""
        query = select(_V.number, _V.created_us).where(
            _V.project_id == project, _V.dataset_id == dataset_id, _V.number.in_(sorted({*numbers}))
        )
        with self.store.control.connect() as connection:
            return {row.number: row.created_us for row in connection.execute(query)}

    def versions(
        self, project: str, dataset: Dataset, *, before: int | None = None, limit: int = 50
    ) -> Sequence[Version]:  # fmt: skip
        """Up to `limit` (500 at most) versions, the newest first, those before the number `before`."""
        query = select(dataset_versions).where(*_of(project, dataset))
        if before is not None:
            query = query.where(_V.number < min(before, 2**31 - 1))
        query = query.order_by(_V.number.desc()).limit(max(1, min(MOST_DATASETS, limit)))
        with self.store.control.connect() as connection:
            return [_version(row) for row in connection.execute(query)]

    def change(
        self, project: str, dataset: Dataset, add: Iterable[NewItem] = (), *, remove: Iterable[str] = (),
        replace: bool = False, base: int | None = None, author: str = "", note: str = "",
    ) -> Change:  # fmt: skip
        """Make the next version: with the items `add`, without those whose keys are in `remove`; with `replace`, of
        `add` alone. Where that changes nothing there is no new version.

        An item that is there already is not added again: one of the same key, or where it has none, of the same
        content. One with the key of another takes its place. `add` may be long: it is read once, and nobody sees any
        of it before all is there. Raises InvalidRequest for items that cannot be kept, Conflict where the dataset is
        archived or its newest version is not `base`.
        """
        changes = DatasetChanges(self.store, project, dataset.id, self.clock)
        return changes.make(
            add, remove=remove, replace=replace, base=base, author=storable(author), note=storable(note)
        )

    def _set(self, project: str, reference: str, changes: Json) -> Dataset:
        found = self.get(project, reference)
        this = (_D.project_id == project, _D.id == found.id)
        with writing(self.store.control) as connection:
            connection.execute(update(datasets).where(*this).values(**changes, updated_us=self.clock()))
        return self.get(project, found.id)


def _of(project: str, dataset: Dataset) -> tuple[Any, ...]:
    return _V.project_id == project, _V.dataset_id == dataset.id


def _dataset(row: Row[Any]) -> Dataset:
    metadata = msgspec.json.decode(row.metadata)
    return Dataset(
        row.id, row.name, row.description, metadata, row.version, row.created_us, row.updated_us, row.archived_us
    )


def _version(row: Row[Any]) -> Version:
    return Version(**{name: getattr(row, name) for name in Version.__dataclass_fields__})


def _json(value: Json) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"The metadata of a dataset must be JSON: {error}.", param="metadata") from None
