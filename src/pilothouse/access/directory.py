"""Organisations, projects, teams and members as they are now, in memory: the levels that a key or a person stands on.

Read whole, since there are few. Knows nothing of keys; changes are made in tenants.py and members.py.
"""

import threading
from dataclasses import dataclass

from sqlalchemy import Engine, select

from pilothouse.access.shapes import budgets_from, limits_from
from pilothouse.principal import Level, Role
from pilothouse.storage.tables import members, organisations, projects, teams

__all__ = [
    "DEFAULT_ORGANISATION", "KEYS", "TENANTS", "Directory", "Member", "organisation_account", "project_account",
    "team_account",
]  # fmt: skip

KEYS = "keys"
TENANTS = "tenants"
"""The topics under which changes are noticed. A writer that says so first also waits for the writers before it."""

DEFAULT_ORGANISATION = "default"


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a project: `subject` is the verified e-mail address or the `sub` of an OpenID provider's user.

    Without a role they have that of their team.
    """

    project_id: str
    subject: str
    role: Role | None
    team_id: str | None = None
    created_us: int = 0


class Directory:
    """The levels by project and team, and the members by subject."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = threading.Lock()
        self._organisation_of: dict[str, str] = {}
        self._levels: dict[str, Level] = {}
        self._roles: dict[tuple[str, str | None], Role] = {}
        self._members: dict[str, tuple[Member, ...]] = {}
        self.reload()

    def reload(self) -> None:
        """Read everything again."""
        with self._reading:
            self._read()

    def _read(self) -> None:
        with self._engine.connect() as connection:
            orgs = connection.execute(select(organisations)).all()
            rows = connection.execute(select(projects)).all()
            groups = connection.execute(select(teams)).all()
            people = connection.execute(select(members).order_by(members.c.project_id)).all()
        accounts = [(organisation_account(row.org_id), row) for row in orgs]
        accounts += [(project_account(row.project_id), row) for row in rows]
        accounts += [(team_account(row.project_id, row.id), row) for row in groups]
        found: dict[str, tuple[Member, ...]] = {}
        for row in people:
            member = Member(row.project_id, row.subject, row.role, row.team_id, row.created_us)
            found[row.subject] = (*found.get(row.subject, ()), member)
        self._levels = {
            account: Level(account, limits_from(row.limits), budgets_from(row.budgets)) for account, row in accounts
        }
        self._roles = {(row.project_id, row.id): row.role for row in groups if row.role is not None}
        self._organisation_of = {row.project_id: row.org_id for row in rows}
        self._members = found

    def organisation_of(self, project_id: str) -> str:
        """The organisation that a project belongs to."""
        return self._organisation_of.get(project_id, DEFAULT_ORGANISATION)

    def levels(self, project_id: str, team_id: str | None) -> tuple[Level, ...]:
        """From the organisation down to the team; one that says nothing has no limits."""
        accounts = [organisation_account(self.organisation_of(project_id)), project_account(project_id)]
        if team_id is not None:
            accounts.append(team_account(project_id, team_id))
        return tuple(self._levels.get(account) or Level(account) for account in accounts)

    def role_of(self, project_id: str, team_id: str | None) -> Role | None:
        """The role of a team, where it has one."""
        return self._roles.get((project_id, team_id))

    def memberships(self, subject: str) -> tuple[Member, ...]:
        """Where this person is a member, by project."""
        return self._members.get(subject, ())


def organisation_account(org_id: str) -> str:
    """The account that an organisation's limits and budgets count for."""
    return f"org:{org_id}"


def project_account(project_id: str) -> str:
    """A project's account."""
    return f"project:{project_id}"


def team_account(project_id: str, team_id: str) -> str:
    """A team's account."""
    return f"team:{project_id}/{team_id}"
