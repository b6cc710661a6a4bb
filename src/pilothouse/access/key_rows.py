"""A key as people see it, and the rows of keys: found, read, refused. Knows nothing of secrets or who changes what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.engine import Connection

from pilothouse.access.loaded import MASTER
from pilothouse.access.shapes import PolicyRules, budgets_from, limits_from
from pilothouse.config import Budget, Limits
from pilothouse.errors import Conflict, NotFound
from pilothouse.ids import now_us
from pilothouse.principal import Role
from pilothouse.storage.tables import api_keys
from pilothouse.types import Json

__all__ = [
    "Key", "changeable", "existing", "find_row", "get_key", "is_key", "key_from", "old_secrets", "refuse_known",
    "stands_for",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key: all but its secret, of which `prefix` are the first characters. Times are UTC us.

    Without a `role` it has that of its team. `old_until_us` is when the secret that a rotation replaced ends, where it
    still holds.
    """

    id: str
    project_id: str
    name: str
    role: Role | None
    prefix: str
    team_id: str | None
    policy: PolicyRules
    limits: Limits
    budgets: tuple[Budget, ...]
    created_us: int
    expires_us: int | None
    revoked_us: int | None
    old_until_us: int | None = None

    @property
    def state(self) -> str:
        """valid, expired or revoked."""
        if self.revoked_us is not None:
            return "revoked"
        return "expired" if self.expires_us is not None and self.expires_us <= now_us() else "valid"

    def to_json(self) -> Json:
        """As the API shows it."""
        return {
            "id": self.id, "project_id": self.project_id, "team_id": self.team_id, "name": self.name,
            "role": self.role, "state": self.state, "prefix": self.prefix,
            "policy": self.policy.model_dump(mode="json"),
            "limits": self.limits.model_dump(mode="json", exclude_none=True),
            "budgets": [budget.model_dump(mode="json", exclude_none=True) for budget in self.budgets],
            "created_us": self.created_us, "expires_us": self.expires_us, "revoked_us": self.revoked_us,
            "old_until_us": self.old_until_us,
        }  # fmt: skip


def is_key(key_id: str) -> ColumnElement[bool]:
    """The row of a key itself, not that of an old secret."""
    return (api_keys.c.id == key_id) & api_keys.c.successor_id.is_(None)


def stands_for(key_id: str) -> ColumnElement[bool]:
    """The rows of its old secrets."""
    return (api_keys.c.successor_id == key_id) & api_keys.c.revoked_us.is_(None)


def find_row(connection: Connection, key_id: str) -> Row[Any] | None:
    """The row of a key, if there is one."""
    return connection.execute(select(api_keys).where(is_key(key_id))).one_or_none()


def existing(connection: Connection, key_id: str, project_id: str | None = None) -> Row[Any]:
    """The row of a key of this project (of any with None). Raises NotFound."""
    row = find_row(connection, key_id)
    if row is None or project_id not in (None, row.project_id):
        raise NotFound(f"There is no key '{key_id}'. `pilothouse keys list` shows those there are.", param="key_id")
    return row


def get_key(connection: Connection, key_id: str, project_id: str | None) -> Key:
    """The key of that row. Raises NotFound."""
    return key_from(existing(connection, key_id, project_id), old_secrets(connection, [key_id]))


def changeable(connection: Connection, key_id: str, project_id: str | None) -> Key:
    """A key that may be changed. Raises NotFound, or Conflict for the master key and one that is revoked."""
    key = get_key(connection, key_id, project_id)
    if key_id == MASTER:
        raise Conflict("The master key cannot be changed or revoked. Rotate it, or set PILOTHOUSE_MASTER_KEY.")
    if key.revoked_us is not None:
        raise Conflict(f"Key '{key_id}' is revoked. Make a new one.")
    return key


def refuse_known(connection: Connection, hashed: str) -> None:
    """Raises Conflict when the secret is in use."""
    if connection.execute(select(api_keys.c.id).where(api_keys.c.hash == hashed)).first() is not None:
        raise Conflict("PILOTHOUSE_MASTER_KEY is the secret of another key. Choose one of its own.")


def old_secrets(connection: Connection, key_ids: Sequence[str]) -> dict[str, int]:
    """Until when the old secrets of these keys hold, for those that have one."""
    columns = (api_keys.c.successor_id, api_keys.c.expires_us)
    holds = (api_keys.c.revoked_us.is_(None), api_keys.c.expires_us > now_us())
    rows = connection.execute(select(*columns).where(api_keys.c.successor_id.in_(key_ids), *holds))
    return {row.successor_id: row.expires_us for row in rows}


def key_from(row: Row[Any], old: dict[str, int]) -> Key:
    """The key of a row; `old` is what old_secrets gave."""
    key = Key(
        row.id, row.project_id, row.name, row.role, row.prefix, row.team_id,
        PolicyRules.model_validate_json(row.policy), limits_from(row.limits), budgets_from(row.budgets),
        row.created_us, row.expires_us, row.revoked_us,
    )  # fmt: skip
    return replace(key, old_until_us=old[row.id]) if row.id in old else key
