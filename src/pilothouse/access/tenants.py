"""Organisations, projects and teams: made, changed and listed. Every change is in the audit log and noticed everywhere.

The organisation and the project `default` are always there. Knows nothing of keys, but that a team with some stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Engine, Row, Table, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from pilothouse.access.audit import EVERY_PROJECT, SYSTEM, Actor, record
from pilothouse.access.directory import (
    DEFAULT_ORGANISATION,
    KEYS,
    TENANTS,
    organisation_account,
    project_account,
    team_account,
)
from pilothouse.access.shapes import (
    UNLIMITED,
    TeamSettings,
    TenantChange,
    TenantSettings,
    budgets_from,
    limits_from,
    text_of,
)
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.config import Budget, Limits
from pilothouse.errors import Conflict, NotFound
from pilothouse.ids import now_us
from pilothouse.principal import Role
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.tables import api_keys, members, organisations, projects, teams
from pilothouse.types import Json

__all__ = ["Kind", "Tenant", "Tenants", "project_ids", "require"]

Kind = Literal["organisation", "project", "team"]

_TABLES: dict[Kind, Table] = {"organisation": organisations, "project": projects, "team": teams}
_IDS: dict[Kind, str] = {"organisation": "org_id", "project": "project_id", "team": "id"}
_PARENTS: dict[Kind, tuple[Kind, str] | None] = {
    "organisation": None,
    "project": ("organisation", "org_id"),
    "team": ("project", "project_id"),
}
_DEFAULTS: dict[Kind, str | None] = {"organisation": DEFAULT_ORGANISATION, "project": DEFAULT_PROJECT, "team": None}


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation, a project or a team. `parent` is a project's organisation, a team's project; `role` a team's."""

    kind: Kind
    id: str
    name: str
    parent: str | None = None
    limits: Limits = UNLIMITED
    budgets: tuple[Budget, ...] = ()
    created_us: int = 0
    role: Role | None = None

    @property
    def account(self) -> str:
        """The account that limits and budgets count for."""
        if self.kind == "team":
            return team_account(self.parent or "", self.id)
        return project_account(self.id) if self.kind == "project" else organisation_account(self.id)

    def to_json(self) -> Json:
        """As the API shows it."""
        parent = _PARENTS[self.kind]
        return {
            "id": self.id,
            **({parent[1]: self.parent} if parent else {}),
            "name": self.name,
            **({"role": self.role} if self.kind == "team" else {}),
            "limits": self.limits.model_dump(mode="json", exclude_none=True),
            "budgets": [budget.model_dump(mode="json", exclude_none=True) for budget in self.budgets],
            "created_us": self.created_us,
        }


class Tenants:
    """The three tables. `parent` names a project's organisation, or a team's project."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, kind: Kind, parent: str | None = None) -> Sequence[Tenant]:
        """All, or those of `parent`, by id."""
        table = _TABLES[kind]
        with self._engine.connect() as connection:
            found = [_tenant(kind, row) for row in connection.execute(select(table).order_by(table.c[_IDS[kind]]))]
        implied = _implied(kind)
        if implied is not None and implied.id not in {tenant.id for tenant in found}:
            found = sorted([*found, implied], key=lambda tenant: tenant.id)
        return [tenant for tenant in found if parent in (None, tenant.parent)]

    def get(self, kind: Kind, identifier: str, parent: str | None = None) -> Tenant:
        """Raises NotFound."""
        with self._engine.connect() as connection:
            return require(connection, kind, identifier, parent)

    def create(
        self, kind: Kind, identifier: str, settings: TenantSettings, *, parent: str | None = None, by: Actor = SYSTEM
    ) -> Tenant:
        """Raises Conflict when it is there already, NotFound when its parent is not."""
        above = _PARENTS[kind]
        parent = None if above is None else parent or _DEFAULTS[above[0]]
        role = settings.role if isinstance(settings, TeamSettings) else None
        made = Tenant(kind, identifier, settings.name, parent, settings.limits, tuple(settings.budgets), now_us(), role)
        with writing(self._engine) as connection:
            Changes.bump(connection, TENANTS)
            if above is not None:
                require(connection, above[0], parent or "")
            if _find(connection, kind, identifier, parent) is not None:
                raise Conflict(f"There is a {kind} '{identifier}' already. Choose another id, or change that one.")
            _insert(connection, made)
            _note(connection, by, "create", None, made)
        return made

    def update(
        self, kind: Kind, identifier: str, change: TenantChange, *, parent: str | None = None, by: Actor = SYSTEM
    ) -> Tenant:
        """Change the fields that are given. Raises NotFound."""
        given = change.model_dump(exclude_unset=True)
        values = {name: _stored(getattr(change, name)) for name in given}
        with writing(self._engine) as connection:
            Changes.bump(connection, TENANTS)
            before = require(connection, kind, identifier, parent)
            if not values:
                return before
            if _row(connection, kind, identifier, parent) is None:
                _insert(connection, before)
            connection.execute(update(_TABLES[kind]).where(*_is(kind, identifier, parent)).values(values))
            after = require(connection, kind, identifier, parent)
            _note(connection, by, "update", before, after)
        return after

    def delete_team(self, project_id: str, team_id: str, *, by: Actor = SYSTEM) -> None:
        """Raises NotFound, or Conflict while it has keys or members."""
        with writing(self._engine) as connection:
            Changes.bump(connection, TENANTS)
            Changes.bump(connection, KEYS)  # nobody makes a key of this team meanwhile
            before = require(connection, "team", team_id, project_id)
            for table, what in ((api_keys, "keys that are not revoked"), (members, "members")):
                query = select(func.count()).where(table.c.project_id == project_id, table.c.team_id == team_id)
                if table is api_keys:
                    query = query.where(api_keys.c.revoked_us.is_(None))
                if connection.execute(query).scalar_one():
                    raise Conflict(f"Team '{team_id}' still has {what}. Move or revoke them first.")
            connection.execute(delete(teams).where(*_is("team", team_id, project_id)))
            _note(connection, by, "delete", before, None)


def project_ids(engine: Engine) -> list[str]:
    """All projects of the control database, the default one among them, in order."""
    with engine.connect() as connection:
        return sorted({DEFAULT_PROJECT, *connection.execute(select(projects.c.project_id)).scalars()})


def require(connection: Connection, kind: Kind, identifier: str, parent: str | None = None) -> Tenant:
    """The tenant, or NotFound naming the kind and the id."""
    found = _find(connection, kind, identifier, parent)
    if found is None:
        place = f" in project '{parent}'" if kind == "team" else ""
        raise NotFound(f"There is no {kind} '{identifier}'{place}.", param=f"{kind}_id")
    return found


def _find(connection: Connection, kind: Kind, identifier: str, parent: str | None) -> Tenant | None:
    row = _row(connection, kind, identifier, parent)
    if row is not None:
        return _tenant(kind, row)
    return _implied(kind) if identifier == _DEFAULTS[kind] else None


def _row(connection: Connection, kind: Kind, identifier: str, parent: str | None) -> Row[Any] | None:
    return connection.execute(select(_TABLES[kind]).where(*_is(kind, identifier, parent))).one_or_none()


def _is(kind: Kind, identifier: str, parent: str | None) -> Sequence[ColumnElement[bool]]:
    here = [_TABLES[kind].c[_IDS[kind]] == identifier]
    return [*here, teams.c.project_id == parent] if kind == "team" else here


def _implied(kind: Kind) -> Tenant | None:
    identifier = _DEFAULTS[kind]
    parent = DEFAULT_ORGANISATION if kind == "project" else None
    return None if identifier is None else Tenant(kind, identifier, identifier, parent)


def _insert(connection: Connection, tenant: Tenant) -> None:
    parent = _PARENTS[tenant.kind]
    values = {
        _IDS[tenant.kind]: tenant.id, "name": tenant.name, "limits": text_of(tenant.limits),
        "budgets": text_of(tenant.budgets), "created_us": tenant.created_us,
        **({parent[1]: tenant.parent} if parent else {}), **({"role": tenant.role} if tenant.kind == "team" else {}),
    }  # fmt: skip
    connection.execute(insert(_TABLES[tenant.kind]).values(values))


def _stored(value: Any) -> str | None:
    return text_of(value) if isinstance(value, BaseModel | list) else value


def _tenant(kind: Kind, row: Row[Any]) -> Tenant:
    above = _PARENTS[kind]
    values = row._mapping
    return Tenant(
        kind, values[_IDS[kind]], row.name, None if above is None else values[above[1]],
        limits_from(row.limits), budgets_from(row.budgets), row.created_us, values.get("role"),
    )  # fmt: skip


def _note(connection: Connection, by: Actor, what: str, before: Tenant | None, after: Tenant | None) -> None:
    tenant = after or before
    assert tenant is not None
    places = {"organisation": EVERY_PROJECT, "project": tenant.id, "team": tenant.parent or ""}
    record(
        connection, by, f"{tenant.kind}.{what}", tenant.account, project_id=places[tenant.kind],
        before=None if before is None else before.to_json(), after=None if after is None else after.to_json(),
    )  # fmt: skip
