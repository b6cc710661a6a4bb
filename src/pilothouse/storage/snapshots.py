"""The numbered history of the configuration. Each Snapshot is immutable; a put adds one or changes nothing."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.config import Config
from pilothouse.errors import ConfigError, Conflict, NotFound
from pilothouse.ids import now_us
from pilothouse.snapshot import Snapshot, parse_stored
from pilothouse.storage.changes import Changes
from pilothouse.storage.configs import Difference, differences
from pilothouse.storage.database import writing
from pilothouse.storage.tables import snapshots

__all__ = ["TOPIC", "Audited", "Revision", "SnapshotStore"]

TOPIC = "snapshot"
"""What other processes are told by when there is a new Snapshot."""

_SHOWN_KEYS = 8


Audited = Callable[[Connection, Snapshot | None, Snapshot, str, str], None]
"""Writes a change into the audit log, in its transaction: the Snapshot before, the one after, source and project."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One entry of the history: `author` is who, `source` where from (file, console, api, automation)."""

    number: int
    hash: str
    author: str
    source: str
    created_us: int


class SnapshotStore:
    """The Snapshots in the control database. `clock` gives UTC microseconds. Other processes are told of each put."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_us, audited: Audited | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._audited = audited

    def current(self, project_id: str = DEFAULT_PROJECT) -> Snapshot | None:
        with self._engine.connect() as connection:
            row = _newest(connection, project_id)
        return None if row is None else _snapshot(row)

    def get(self, number: int, project_id: str = DEFAULT_PROJECT) -> Snapshot | None:
        query = select(snapshots).where(snapshots.c.project_id == project_id, snapshots.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _snapshot(row)

    def read(self, number: int, project_id: str = DEFAULT_PROJECT) -> Snapshot:
        """The Snapshot of that number. Raises NotFound."""
        found = self.get(number, project_id)
        if found is None:
            raise NotFound(f"There is no Snapshot {number}. `pilothouse config history` lists those there are.")
        return found

    def history(
        self,
        project_id: str = DEFAULT_PROJECT,
        limit: int = 50,
        *,
        before: int | None = None,
        source: str | None = None,
    ) -> Sequence[Revision]:
        """The newest first; those below the number `before`, those that came from `source`."""
        columns = [snapshots.c[name] for name in Revision.__slots__]
        query = select(*columns).where(snapshots.c.project_id == project_id).order_by(snapshots.c.number.desc())
        if before is not None:
            query = query.where(snapshots.c.number < before)
        if source is not None:
            query = query.where(snapshots.c.source == source)
        with self._engine.connect() as connection:
            return [Revision(*row) for row in connection.execute(query.limit(limit))]

    def held(self, config: Config, project_id: str = DEFAULT_PROJECT) -> bool:
        """Whether any Snapshot holds `config`. By content: a key that a release adds changes its hash."""
        query = select(snapshots.c.body).where(snapshots.c.project_id == project_id)
        with self._engine.connect() as connection:
            return any(_holds(body, config) for body in connection.execute(query).scalars())

    def diff(self, old: int, new: int, project_id: str = DEFAULT_PROJECT) -> list[Difference]:
        """What Snapshot `new` has otherwise than `old` (0 for none at all). Raises NotFound."""
        before = None if old == 0 else self.read(old, project_id).config
        return differences(before, self.read(new, project_id).config)

    def put(
        self,
        config: Config,
        *,
        author: str,
        source: str,
        expected_number: int | None = None,
        project_id: str = DEFAULT_PROJECT,
    ) -> Snapshot:
        """Store `config` as the next Snapshot; the same content as the current one keeps its number.

        `expected_number` is the Snapshot that the author started from (0 for none). Raises Conflict, saying who changed
        what, when another became current since. Left out, the put wins over whatever is current.
        """
        while True:
            try:
                with writing(self._engine) as connection:
                    return self._put(connection, config, author, source, expected_number, project_id)
            except IntegrityError:
                continue  # another process took the number between our look and our insert: look again

    def rollback(
        self,
        number: int,
        *,
        author: str,
        source: str,
        expected_number: int | None = None,
        project_id: str = DEFAULT_PROJECT,
    ) -> Snapshot:
        """Store what Snapshot `number` holds as the next one. Raises NotFound, and Conflict as `put` does."""
        config = self.read(number, project_id).config
        return self.put(config, author=author, source=source, expected_number=expected_number, project_id=project_id)

    def changed_since(self, number: int, project_id: str = DEFAULT_PROJECT) -> list[str]:
        """A line for each Snapshot after `number`: who made it, from where, when, and the keys that changed."""
        with self._engine.connect() as connection:
            return _changed_since(connection, project_id, number)

    def _put(
        self, connection: Connection, config: Config, author: str, source: str, expected: int | None, project_id: str
    ) -> Snapshot:
        row = _newest(connection, project_id)
        number = 0 if row is None else row.number
        wanted = Snapshot(number + 1, config, author)
        # Compared as configurations, not by hash: a release that adds a key with a default changes no content.
        current = None if row is None else _snapshot(row)
        if current is not None and current.config == config:
            return current
        if expected is not None and expected != number:
            raise Conflict(_conflict(connection, project_id, expected), param="expected_number")
        values = {
            "project_id": project_id, "number": wanted.number, "hash": wanted.hash, "author": author, "source": source,
            "body": json.dumps(config.model_dump(mode="json")), "created_us": self._clock(),
        }  # fmt: skip
        connection.execute(insert(snapshots), values)
        Changes.bump(connection, TOPIC)
        if self._audited is not None:
            self._audited(connection, current, wanted, source, project_id)
        return wanted


def _newest(connection: Connection, project_id: str) -> Row[Any] | None:
    query = select(snapshots).where(snapshots.c.project_id == project_id).order_by(snapshots.c.number.desc()).limit(1)
    return connection.execute(query).one_or_none()


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(row.number, parse_stored(json.loads(row.body)), row.author)


def _holds(body: str, config: Config) -> bool:
    try:
        return parse_stored(json.loads(body)) == config
    except ConfigError:  # of a version whose configurations this one cannot read
        return False


def _conflict(connection: Connection, project_id: str, expected: int) -> str:
    """Who changed what since Snapshot `expected`."""
    lines = _changed_since(connection, project_id, expected)
    if not lines:
        return f"The configuration has no Snapshot {expected}. Read the current one and apply your change to it."
    told = [f"The configuration changed since Snapshot {expected}:", *lines]
    return "\n".join([*told, "Read the current one and apply your change to it."])


def _changed_since(connection: Connection, project_id: str, number: int) -> list[str]:
    since = select(snapshots).where(snapshots.c.project_id == project_id, snapshots.c.number >= number)
    before = "{}"
    lines = []
    for row in connection.execute(since.order_by(snapshots.c.number)):
        if row.number > number:
            when = datetime.fromtimestamp(row.created_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            changed = _changed_keys(before, row.body)
            more = f" and {len(changed) - _SHOWN_KEYS} more" if len(changed) > _SHOWN_KEYS else ""
            keys = ", ".join(changed[:_SHOWN_KEYS]) or "no change"
            lines.append(f"  {row.number} by {row.author} ({row.source}, {when}): {keys}{more}")
        before = row.body
    return lines


def _changed_keys(old: str, new: str) -> list[str]:
    """The dotted keys that differ between two stored configurations. What a release adds with a default is none of
    them, unless one is of a version whose configurations this one cannot read."""
    before, after = json.loads(old), json.loads(new)
    try:
        return [difference.key for difference in differences(parse_stored(before), parse_stored(after))]
    except ConfigError:
        return sorted(_changes(before, after))


def _changes(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """The dotted keys whose values differ in JSON."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _changes(old.get(key), new.get(key), f"{at}.{key}" if at else str(key))
    elif old != new:
        yield at
