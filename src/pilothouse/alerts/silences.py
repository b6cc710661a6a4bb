"""Silences: nobody is told of what a rule notices, until a time. What is noticed is written down all the same.

Knows nothing of rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.engine import Connection, Engine

from pilothouse.access.audit import Actor, record
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import writing
from pilothouse.storage.tables import silences
from pilothouse.types import Json

__all__ = ["Silence", "Silences", "is_silenced"]

_LONGEST_US = 366 * 24 * 3_600_000_000


@dataclass(frozen=True, slots=True)
class Silence:
    """`rule` and `subject` are None for any. Times are UTC microseconds."""

    project_id: str
    id: str
    rule: str | None
    subject: str | None
    until_us: int
    comment: str
    author: str
    created_us: int

    def to_json(self) -> Json:
        """All fields."""
        return asdict(self)


class Silences:
    """The silences in the control database; each change is in the audit log. Blocks on it."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_us) -> None:
        self._engine = engine
        self._clock = clock

    def add(
        self, by: Actor, until_us: int, *, rule: str | None = None, subject: str | None = None, comment: str = "",
        project: str = DEFAULT_PROJECT,
    ) -> Silence:  # fmt: skip
        """Tell nobody until then. Raises InvalidRequest for a time that is past, or more than a year away."""
        now = self._clock()
        if not now < until_us <= now + _LONGEST_US:
            raise InvalidRequest("A silence ends in the future, and within a year.", param="until_us")
        made = Silence(project, new_id(now), rule, subject, until_us, comment, by.name, now)
        with writing(self._engine) as connection:
            connection.execute(insert(silences), made.to_json())
            record(connection, by, "silence.create", f"silence:{made.id}", project_id=project, after=made.to_json())
        return made

    def list(self, project: str = DEFAULT_PROJECT) -> Sequence[Silence]:
        """Those that hold now, the one that ends first first."""
        c = silences.c
        query = select(silences).where(c.project_id == project, c.until_us > self._clock()).order_by(c.until_us, c.id)
        with self._engine.connect() as connection:
            return [Silence(**row) for row in connection.execute(query).mappings()]

    def end(self, by: Actor, silence_id: str, *, project: str = DEFAULT_PROJECT) -> None:
        """Let it end now. Raises NotFound."""
        here = (silences.c.project_id == project, silences.c.id == silence_id)
        with writing(self._engine) as connection:
            row = connection.execute(delete(silences).where(*here).returning(*silences.c)).mappings().one_or_none()
            if row is None:
                raise NotFound(f"There is no silence '{silence_id[:64]}'.")
            record(connection, by, "silence.delete", f"silence:{silence_id}", project_id=project, before=dict(row))


def is_silenced(connection: Connection, project: str, rule: str, subject: str, now_us: int) -> bool:
    """Whether a silence holds for this rule and subject."""
    c = silences.c
    fits = (
        c.project_id == project, c.until_us > now_us, or_(c.rule.is_(None), c.rule == rule),
        or_(c.subject.is_(None), c.subject == subject),
    )  # fmt: skip
    return connection.execute(select(c.id).where(*fits).limit(1)).one_or_none() is not None
