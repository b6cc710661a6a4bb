"""Members: the people who may sign in through an OpenID provider, with their role in each project."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Engine, delete, select
from sqlalchemy.engine import Connection

from pilothouse.access.audit import SYSTEM, Actor, record
from pilothouse.access.directory import TENANTS, Member
from pilothouse.access.tenants import require
from pilothouse.errors import NotFound
from pilothouse.ids import now_us
from pilothouse.principal import Role
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.tables import members, upsert

__all__ = ["Members"]


class Members:
    """The members of every project. Changes are in the audit log and noticed everywhere."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, project_id: str | None = None) -> Sequence[Member]:
        """The members of a project (of all with None), by subject."""
        query = select(members).order_by(members.c.subject, members.c.project_id)
        if project_id is not None:
            query = query.where(members.c.project_id == project_id)
        with self._engine.connect() as connection:
            return [Member(**row._mapping) for row in connection.execute(query)]

    def put(
        self, project_id: str, subject: str, role: Role | None = None, team_id: str | None = None, *,
        by: Actor = SYSTEM,
    ) -> Member:  # fmt: skip
        """Let this person in with this role, or change the role; without one it is their team's, now and later.

        A viewer is who has none from either. Raises NotFound for a project or team that is none.
        """
        with writing(self._engine) as connection:
            Changes.bump(connection, TENANTS)
            require(connection, "project", project_id)
            if team_id is not None:
                require(connection, "team", team_id, project_id)
            before = _find(connection, project_id, subject)
            after = Member(project_id, subject, role, team_id, before.created_us if before else now_us())
            if after != before:
                connection.execute(upsert(connection, members).values(asdict(after)))
                _note(connection, by, before, after)
        return after

    def remove(self, project_id: str, subject: str, *, by: Actor = SYSTEM) -> None:
        """Let this person in no longer; sessions end with the next request. Raises NotFound."""
        with writing(self._engine) as connection:
            Changes.bump(connection, TENANTS)
            before = _find(connection, project_id, subject)
            if before is None:
                raise NotFound(f"Project '{project_id}' has no member '{subject}'.", param="subject")
            here = (members.c.project_id == project_id, members.c.subject == subject)
            connection.execute(delete(members).where(*here))
            _note(connection, by, before, None)


def _find(connection: Connection, project_id: str, subject: str) -> Member | None:
    query = select(members).where(members.c.project_id == project_id, members.c.subject == subject)
    row = connection.execute(query).one_or_none()
    return None if row is None else Member(**row._mapping)


def _note(connection: Connection, by: Actor, before: Member | None, after: Member | None) -> None:
    member = after or before
    assert member is not None
    what = "update" if before and after else "create" if after else "delete"
    record(
        connection, by, f"member.{what}", f"member:{member.subject}", project_id=member.project_id,
        before=None if before is None else asdict(before), after=None if after is None else asdict(after),
    )  # fmt: skip
