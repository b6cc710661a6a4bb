"""The audit log: who changed what, from where, before and after. Written in the transaction of the change itself.

The database refuses to change or delete an entry. Knows nothing of what is changed; whoever records leaves secrets out.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Row, insert, select
from sqlalchemy.engine import Connection

from pilothouse.ids import new_id, now_us
from pilothouse.principal import Principal
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.tables import audit
from pilothouse.types import Json

__all__ = ["EVERY_PROJECT", "PURGE", "SYSTEM", "Actor", "Audit", "AuditFilters", "Entry", "Source", "record"]

PURGE = "cache.purge"
"""The action of a purge; its subject is `cache:` and the alias, or `*`; of fragments `fragments:` and the section."""

Source = Literal["api", "cli", "console", "file", "environment"]

EVERY_PROJECT = "*"
"""The project of an entry that concerns more than one."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and by which way it comes."""

    name: str
    source: Source

    @classmethod
    def of(cls, principal: Principal, source: Source = "api") -> "Actor":
        """The caller of a request."""
        shown = f" ({principal.name})" if principal.name and principal.name != principal.key_id else ""
        return cls(f"{principal.key_id or 'embedded'}{shown}", source)


SYSTEM = Actor("pilothouse", "environment")
"""What happens at a start, by the settings."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. `action` is such as `key.create`, `subject` such as `key:...`, `team:default/ml`, `snapshot:7`."""

    id: str
    project_id: str
    at_us: int
    actor: str
    source: str
    action: str
    subject: str
    before: Json | None
    after: Json | None

    def to_json(self) -> Json:
        """All fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """Which entries: equal in every field that is given. `action` and `subject` may end in `*`. Times are UTC us."""

    actor: str | None = None
    source: str | None = None
    action: str | None = None
    subject: str | None = None
    since_us: int | None = None
    until_us: int | None = None


def record(
    connection: Connection,
    by: Actor,
    action: str,
    subject: str,
    *,
    project_id: str,
    before: Json | None = None,
    after: Json | None = None,
) -> None:
    """Add an entry, in the transaction of the change. `before` and `after` hold no secrets."""
    at_us = now_us()
    values = {
        "project_id": project_id, "id": new_id(at_us), "at_us": at_us, "actor": by.name, "source": by.source,
        "action": action, "subject": subject, "before": _text(before), "after": _text(after),
    }  # fmt: skip
    connection.execute(insert(audit), values)


class Audit:
    """Reads the log; and notes what changes nothing in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, by: Actor, action: str, subject: str, *, project_id: str, after: Json | None = None) -> None:
        """Add an entry on its own, such as one of a purged cache; other processes notice its action as a topic."""
        with writing(self._engine) as connection:
            record(connection, by, action, subject, project_id=project_id, after=after)
            Changes.bump(connection, action)

    def list(
        self,
        project_id: str | None = None,
        *,
        filters: AuditFilters | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> Sequence[Entry]:
        """The newest entries of a project (of all with None) first; `before` is the last id of the page before."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if project_id is not None:
            query = query.where(audit.c.project_id == project_id)
        if before is not None:
            query = query.where(audit.c.id < before)
        with self._engine.connect() as connection:
            return [_entry(row) for row in connection.execute(query.where(*_conditions(filters or AuditFilters())))]


def _conditions(filters: AuditFilters) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name in ("actor", "source", "action", "subject"):
        value, column = getattr(filters, name), audit.c[name]
        if value is not None:
            begins = value.endswith("*") and name in ("action", "subject")
            found.append(column.startswith(value[:-1], autoescape=True) if begins else column == value)
    if filters.since_us is not None:
        found.append(audit.c.at_us >= filters.since_us)
    if filters.until_us is not None:
        found.append(audit.c.at_us < filters.until_us)
    return found


def _text(body: Json | None) -> str | None:
    return None if body is None else json.dumps(body, ensure_ascii=False)


def _entry(row: Row[Any]) -> Entry:
    values = dict(row._mapping)
    for name in ("before", "after"):
        values[name] = None if values[name] is None else json.loads(values[name])
    return Entry(**values)
