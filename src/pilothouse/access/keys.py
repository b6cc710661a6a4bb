"""Keys: random `ph-...` secrets of which only the SHA-256 is kept; made, changed, rotated, revoked, and checked.

Every change is in the audit log, and noticed by every process that watches.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, delete, insert, select, update

from pilothouse.access.audit import EVERY_PROJECT, SYSTEM, Actor, record
from pilothouse.access.directory import KEYS, TENANTS
from pilothouse.access.key_rows import (
    Key,
    changeable,
    existing,
    find_row,
    get_key,
    is_key,
    key_from,
    old_secrets,
    refuse_known,
    stands_for,
)
from pilothouse.access.loaded import MASTER, LoadedKeys
from pilothouse.access.shapes import KeyChange, KeySettings, text_of
from pilothouse.access.tenants import require
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import Conflict, InvalidRequest, Unauthenticated
from pilothouse.ids import new_id, now_us
from pilothouse.principal import Principal, Role
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.tables import api_keys

__all__ = ["LONGEST_OVERLAP", "Keys", "new_key"]

LONGEST_OVERLAP = 90 * 24 * 3600.0
"""Seconds that two secrets of a key may hold beside each other."""


def new_key() -> str:
    """A fresh secret with 192 random bits."""
    return f"ph-{secrets.token_urlsafe(24)}"


def _hash(key: str) -> str:
    """A plain hash is enough for a secret of 192 random bits: there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """The keys of this installation. Those that are valid are held in memory, and read anew as they change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loaded = LoadedKeys(engine)
        self.directory = self._loaded.directory
        self.hash_of = self._loaded.hash_of
        self.principal_of = self._loaded.principal_of
        self.current = self._loaded.current
        self.person = self._loaded.person

    def watch(self, changes: Changes) -> None:
        """Notice what other processes change, whenever `changes` does."""
        changes.on(KEYS, self._loaded.refresh)
        changes.on(TENANTS, self._loaded.reload_tenants)

    def reload(self) -> None:
        """Read what changed, of keys and of all they belong to."""
        self._loaded.refresh()
        self._loaded.reload_tenants()

    def authenticate(self, authorization: str | None, x_api_key: str | None = None) -> Principal:
        """The Principal of an `Authorization: Bearer` (or `x-api-key`) header. Raises Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else (x_api_key or "")
        if not key:
            raise Unauthenticated("No API key: send it as 'Authorization: Bearer ph-...'.")
        found = self._loaded.find(_hash(key))
        if found is None or found[1] <= now_us():
            raise Unauthenticated(f"The API key '{key[:6]}…' is not known or no longer valid.")
        return found[0]

    def in_process(self) -> str:
        """An administrator's key that lives in this process' memory and ends with it, for a platform's own clients."""
        key = new_key()
        self._loaded.add_in_process(_hash(key))
        return key

    def has_master(self) -> bool:
        """Whether there is an administrator's key of the installation."""
        return self.hash_of(MASTER) is not None

    def set_master(self, key: str, *, by: Actor = SYSTEM) -> None:
        """Make `key` the administrator's key, in place of the one before. Only its hash is stored."""
        hashed = _hash(key)
        if self.hash_of(MASTER) == hashed:
            return
        with writing(self._engine) as connection:
            revision = Changes.bump(connection, KEYS)
            # The secret before a rotation may come back, and would be there twice; others end.
            old = (api_keys.c.hash == hashed, api_keys.c.successor_id == MASTER)
            connection.execute(delete(api_keys).where(*old))
            ends = {"revoked_us": now_us(), "revision": revision}
            connection.execute(update(api_keys).where(stands_for(MASTER)).values(ends))
            before = find_row(connection, MASTER)
            if before is None or before.hash != hashed:
                refuse_known(connection, hashed)
                row = {"hash": hashed, "prefix": key[:6], "role": "admin", "created_us": now_us(), "revision": revision}
                if before is None:
                    identity = {"project_id": DEFAULT_PROJECT, "id": MASTER, "name": "master key"}
                    connection.execute(insert(api_keys).values(**identity, **row))
                else:
                    row |= {"revoked_us": None, "expires_us": None}
                    connection.execute(update(api_keys).where(is_key(MASTER)).values(row))
                action = "key.create" if before is None else "key.replace"
                record(connection, by, action, f"key:{MASTER}", project_id=EVERY_PROJECT)
        self._loaded.refresh()

    def create(
        self, name: str, role: Role | None = None, settings: KeySettings | None = None, *, by: Actor = SYSTEM
    ) -> tuple[str, Principal]:
        """A new key, to be shown once, and what it stands for. Without a role it has its team's, now and later; it is a
        caller where that has none. Raises NotFound for a project or team that is none."""
        given = settings or KeySettings()
        role = role or (None if given.team_id else "caller")
        secret, identifier = new_key(), new_id()
        with writing(self._engine) as connection:
            revision = Changes.bump(connection, KEYS)
            require(connection, "project", given.project_id)
            if given.team_id is not None:
                require(connection, "team", given.team_id, given.project_id)
            row = {
                "project_id": given.project_id, "id": identifier, "hash": _hash(secret), "prefix": secret[:6],
                "name": name, "role": role, "team_id": given.team_id, "expires_us": given.expires_us,
                "policy": text_of(given.policy), "limits": text_of(given.limits), "budgets": text_of(given.budgets),
                "created_us": now_us(), "revision": revision,
            }  # fmt: skip
            connection.execute(insert(api_keys).values(row))
            made = get_key(connection, identifier, given.project_id)
            record(connection, by, "key.create", f"key:{identifier}", project_id=made.project_id, after=made.to_json())
        self._loaded.refresh()
        principal = self._loaded.find(_hash(secret))
        assert principal is not None
        return secret, principal[0]

    def list(
        self, project_id: str | None = None, *, team_id: str | None = None, limit: int = 50, before: str | None = None,
        revoked: bool = False,
    ) -> Sequence[Key]:  # fmt: skip
        """The newest keys of a project (of all with None) first; `before` is the last id of the page already seen.

        Those that are revoked are left out unless `revoked`.
        """
        query = select(api_keys).where(api_keys.c.successor_id.is_(None)).order_by(api_keys.c.id.desc()).limit(limit)
        for column, value in ((api_keys.c.project_id, project_id), (api_keys.c.team_id, team_id)):
            if value is not None:
                query = query.where(column == value)
        if before is not None:
            query = query.where(api_keys.c.id < before)
        if not revoked:
            query = query.where(api_keys.c.revoked_us.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
            old = old_secrets(connection, [row.id for row in rows])
        return [key_from(row, old) for row in rows]

    def names(self, project_id: str, limit: int) -> Mapping[str, str]:
        """What the newest keys of a project that are not revoked are called, by id. Much cheaper than `list`."""
        c = api_keys.c
        query = select(c.id, c.name).where(c.project_id == project_id, c.successor_id.is_(None), c.revoked_us.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(limit))
            return {row.id: row.name for row in rows}

    def get(self, key_id: str, project_id: str | None = None) -> Key:
        """One key, also when it is revoked. Raises NotFound."""
        with self._engine.connect() as connection:
            return get_key(connection, key_id, project_id)

    def update(self, key_id: str, change: KeyChange, project_id: str | None = None, *, by: Actor = SYSTEM) -> Key:
        """Change the fields that are given. Raises NotFound, or Conflict for the master key or one that is revoked."""
        given = {name: getattr(change, name) for name in change.model_fields_set}
        values = {n: text_of(v) if n in ("policy", "limits", "budgets") else v for n, v in given.items()}
        with writing(self._engine) as connection:
            revision = Changes.bump(connection, KEYS)
            before = changeable(connection, key_id, project_id)
            if given.get("team_id") is not None:
                require(connection, "team", given["team_id"], before.project_id)
            connection.execute(update(api_keys).where(is_key(key_id)).values(**values, revision=revision))
            after = get_key(connection, key_id, project_id)
            record(
                connection, by, "key.update", f"key:{key_id}", project_id=after.project_id,
                before=before.to_json(), after=after.to_json(),
            )  # fmt: skip
        self._loaded.refresh()
        return after

    def rotate(
        self, key_id: str, overlap_s: float = 0.0, project_id: str | None = None, *, by: Actor = SYSTEM
    ) -> tuple[str, Key]:
        """A new secret for the key, which keeps its id, policy, limits and what it spent.

        The old secret works for `overlap_s` seconds more, those of earlier rotations end. Raises NotFound, Conflict.
        """
        if not 0 <= overlap_s <= LONGEST_OVERLAP:
            raise InvalidRequest("The overlap is from 0 seconds to 90 days.", param="overlap_s")
        secret, now = new_key(), now_us()
        with writing(self._engine) as connection:
            revision = Changes.bump(connection, KEYS)
            before = get_key(connection, key_id, project_id)
            if before.state != "valid":
                raise Conflict(f"Key '{key_id}' is {before.state}. Make a new one.")
            row = dict(existing(connection, key_id)._mapping)
            ends = {"revoked_us": now, "revision": revision}
            connection.execute(update(api_keys).where(stands_for(key_id)).values(ends))
            fresh = {"hash": _hash(secret), "prefix": secret[:6], "revision": revision}
            connection.execute(update(api_keys).where(is_key(key_id)).values(fresh))
            if overlap_s > 0:
                until = min(now + round(overlap_s * 1e6), before.expires_us or 2**62)
                row |= {"id": new_id(), "successor_id": key_id, "expires_us": until, "revision": revision}
                connection.execute(insert(api_keys).values(row))
            after = get_key(connection, key_id, project_id)
            record(
                connection, by, "key.rotate", f"key:{key_id}", project_id=after.project_id,
                before=before.to_json(), after=after.to_json(),
            )  # fmt: skip
        self._loaded.refresh()
        return secret, after

    def revoke(self, key_id: str, project_id: str | None = None, *, by: Actor = SYSTEM) -> Key:
        """End a key, its old secret included; other processes see it with their next request. Twice changes nothing.

        Raises NotFound, or Conflict for the master key.
        """
        with writing(self._engine) as connection:
            revision = Changes.bump(connection, KEYS)
            before = get_key(connection, key_id, project_id)
            if before.revoked_us is not None:
                return before
            changeable(connection, key_id, project_id)
            ends = {"revoked_us": now_us(), "revision": revision}
            connection.execute(update(api_keys).where(is_key(key_id) | stands_for(key_id)).values(ends))
            after = get_key(connection, key_id, project_id)
            record(
                connection, by, "key.revoke", f"key:{key_id}", project_id=after.project_id,
                before=before.to_json(), after=after.to_json(),
            )  # fmt: skip
        self._loaded.refresh()
        return after
