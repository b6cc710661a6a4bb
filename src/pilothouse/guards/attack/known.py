"""The attacks that people of a project confirmed: in the database as fingerprints, in memory to be looked up.

The texts themselves are not kept. Blocks on its database, but for `nearest`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from sqlalchemy import Connection, Engine, delete, func, insert, select

from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.guards.attack.fingerprints import Library, prints_of
from pilothouse.ids import new_id, now_us
from pilothouse.protocols import Nearest
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.tables import confirmed_attacks
from pilothouse.types import Json

__all__ = ["ConfirmedAttack", "KnownAttacks"]

_TOPIC = "attacks"
_LEAST = 4
"""Fingerprints, about 30 letters: what is shorter is in too many honest texts."""
_MOST = 10_000
_PROJECTS = 100
Within = Callable[[Connection, "ConfirmedAttack"], None]


@dataclass(frozen=True, slots=True)
class ConfirmedAttack:
    """`characters` is how long its text was; `created_us` UTC microseconds."""

    project_id: str
    id: str
    characters: int
    trace_id: str
    note: str
    confirmed_by: str
    created_us: int

    def to_json(self) -> Json:
        return asdict(self)


def _nothing(_: Connection, __: ConfirmedAttack) -> None:
    return None


class KnownAttacks:
    """Those of all projects. What other processes confirm is noticed by `changes`."""

    def __init__(self, engine: Engine, changes: Changes) -> None:
        self._engine = engine
        self._libraries: dict[str, Library] = {}
        changes.on(_TOPIC, self._drop)

    def confirm(
        self, project: str, text: str, by: str, *, trace_id: str = "", note: str = "", within: Within = _nothing
    ) -> ConfirmedAttack:
        """Keep the fingerprints of a text. `within` does more in the same transaction. Raises InvalidRequest where it
        is too short to be told apart, and Conflict where there are 10,000 already."""
        prints = prints_of(text)
        if len(prints) < _LEAST:
            raise InvalidRequest("An attack of fewer than about 30 letters is in too many honest texts.", param="text")
        made = ConfirmedAttack(project, new_id(), len(text), trace_id, note, by, now_us())
        with writing(self._engine) as connection:
            count = select(func.count()).where(confirmed_attacks.c.project_id == project)
            if connection.execute(count.select_from(confirmed_attacks)).scalar_one() >= _MOST:
                raise Conflict(f"{_MOST:,} attacks are confirmed already: remove some.")
            connection.execute(insert(confirmed_attacks), {**asdict(made), "prints": prints.astype("<u8").tobytes()})
            within(connection, made)
            Changes.bump(connection, _TOPIC)
        self._drop()
        return made

    def list(self, project: str, *, limit: int = 50, before: str | None = None) -> Sequence[ConfirmedAttack]:
        """The newest first, up to `limit`, older than the one named `before`."""
        table = confirmed_attacks
        names = [table.c[name] for name in ConfirmedAttack.__dataclass_fields__]
        query = select(*names).where(table.c.project_id == project).order_by(table.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.id < before)
        with self._engine.connect() as connection:
            return [ConfirmedAttack(*row) for row in connection.execute(query)]

    def remove(self, project: str, identifier: str, *, within: Callable[[Connection], None] = lambda _: None) -> None:
        """It was none. Raises NotFound."""
        table = confirmed_attacks
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(table).where(table.c.project_id == project, table.c.id == identifier)
            ).rowcount
            if not gone:
                raise NotFound(f"There is no confirmed attack '{identifier[:64]}' in the project '{project}'.")
            within(connection)
            Changes.bump(connection, _TOPIC)
        self._drop()

    def of(self, project: str) -> Nearest:
        """What finds the nearest attack of a project."""
        return partial(self.nearest, project)

    async def nearest(self, project: str, text: str) -> tuple[float, str] | None:
        """As `protocols.Nearest` says."""
        library = self._libraries.get(project)
        if library is None:
            library = await asyncio.to_thread(self._load, project)
        return library.nearest(prints_of(text))

    def _load(self, project: str) -> Library:
        table = confirmed_attacks
        query = select(table.c.id, table.c.prints).where(table.c.project_id == project).order_by(table.c.id)
        libraries = self._libraries
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        made = Library([(row.id, np.frombuffer(row.prints, dtype="<u8").astype(np.uint64)) for row in rows])
        if len(libraries) >= _PROJECTS:
            libraries.clear()
        libraries[project] = made
        return made

    def _drop(self) -> None:
        """Something changed: from any thread. What is being loaded meanwhile lands in what was dropped."""
        self._libraries = {}
