"""The keys of this installation in memory, by hash. Knows how to find the Principal of a secret, not how keys are made.

Rows are read once; after that only those that changed. A Principal is built when its key is first used, and kept.
"""

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, or_, select

from pilothouse.access.directory import Directory, Member
from pilothouse.access.shapes import budgets_from, limits_from, policy_from
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.ids import now_us
from pilothouse.principal import Level, Principal
from pilothouse.storage.tables import api_keys

__all__ = ["IN_PROCESS", "MASTER", "NEVER", "LoadedKeys"]

MASTER = "master"
IN_PROCESS = "in-process"
NEVER = 2**63 - 1
_MEMBER = "member:"

_NAMES = (
    "project_id", "id", "hash", "name", "role", "team_id", "policy", "limits", "budgets", "successor_id", "expires_us",
    "revoked_us", "revision",
)  # fmt: skip
_COLUMNS = [api_keys.c[name] for name in _NAMES]


class LoadedKeys:
    """Every valid key. 100,000 of them load in 0.7 s and take 100 MB; one that changed is read in 1 ms.

    A row with a `successor_id` holds the old secret of a rotated key: it stands for its successor until it expires.
    """

    def __init__(self, engine: Engine) -> None:
        self.directory = Directory(engine)
        self._engine = engine
        self._reading = threading.Lock()
        self._lock = threading.Lock()  # over the fields below; `find` reads `_live` without it
        self._rows: dict[str, Row[Any]] = {}
        self._ids: dict[str, str] = {}
        self._old: dict[str, list[str]] = {}
        self._live: dict[str, tuple[Principal, int]] = {}
        self._people: dict[Member, Principal] = {}
        self._in_process: set[str] = set()
        self._revision = -1
        self.refresh()

    def refresh(self) -> None:
        """Read the keys that changed since the last time; revisions grow in the order of the commits."""
        with self._reading:
            query = select(*_COLUMNS).where(api_keys.c.revision > self._revision)
            if self._revision < 0:
                unexpired = or_(api_keys.c.expires_us.is_(None), api_keys.c.expires_us > now_us())
                query = query.where(api_keys.c.revoked_us.is_(None), unexpired)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            with self._lock:
                for row in rows:
                    self._take(row)
            self._revision = max((row.revision for row in rows), default=max(self._revision, 0))

    def reload_tenants(self) -> None:
        """Read organisations, projects, teams and members again; every Principal is made anew when next used."""
        self.directory.reload()
        with self._lock:
            self._live.clear()
            self._people.clear()

    def find(self, hashed: str) -> tuple[Principal, int] | None:
        """What a secret with this hash stands for, and until when (UTC microseconds)."""
        return self._live.get(hashed) or self._build(hashed)

    def hash_of(self, key_id: str) -> str | None:
        """The stored hash of a valid key."""
        row = self._rows.get(key_id)
        return None if row is None or (row.expires_us or NEVER) <= now_us() else row.hash

    def principal_of(self, key_id: str) -> Principal | None:
        """What a valid key stands for."""
        hashed = self.hash_of(key_id)
        found = None if hashed is None else self.find(hashed)
        return None if found is None else found[0]

    def current(self, key_id: str, project_id: str) -> Principal | None:
        """What stands behind a `Principal.key_id` now, be it a key or a person; None where that is over."""
        if key_id == IN_PROCESS:
            return self._administrator() if self._in_process else None
        if key_id.startswith(_MEMBER):
            return self.person([key_id.removeprefix(_MEMBER)], project_id)
        return self.principal_of(key_id)

    def person(self, subjects: Sequence[str], project_id: str | None = None) -> Principal | None:
        """The member that goes by one of these names in a project; without one, in `default` or else the first."""
        found = [member for name in subjects for member in self.directory.memberships(name)]
        found = [member for member in found if project_id in (None, member.project_id)]
        if not found:
            return None
        member = next((member for member in found if member.project_id == DEFAULT_PROJECT), found[0])
        return self._people.get(member) or self._meet(member)

    def add_in_process(self, hashed: str) -> None:
        """An administrator's key that is in no database."""
        with self._lock:
            self._in_process.add(hashed)

    def _take(self, row: Row[Any]) -> None:
        before = self._rows.pop(row.id, None)
        if before is not None:
            self._live.pop(before.hash, None)
            if self._ids.get(before.hash) == row.id:
                del self._ids[before.hash]
        for hashed in (row.hash, *self._old.get(row.id, ())):
            self._live.pop(hashed, None)
        if row.revoked_us is None:
            self._rows[row.id] = row
            self._ids[row.hash] = row.id
            if row.successor_id is not None:
                self._old.setdefault(row.successor_id, []).append(row.hash)

    def _build(self, hashed: str) -> tuple[Principal, int] | None:
        with self._lock:
            if hashed in self._in_process:
                made = (self._administrator(), NEVER)
            else:
                row = self._rows.get(self._ids.get(hashed, ""))
                until = NEVER if row is None else row.expires_us or NEVER
                if row is not None and row.successor_id is not None:
                    row = self._rows.get(row.successor_id)
                if row is None:
                    return None
                made = (self._principal(row), min(until, row.expires_us or NEVER))
            self._live[hashed] = made
            return made

    def _principal(self, row: Row[Any]) -> Principal:
        levels = self.directory.levels(row.project_id, row.team_id)
        own = Level(f"key:{row.id}", limits_from(row.limits), budgets_from(row.budgets))
        role = row.role or self.directory.role_of(row.project_id, row.team_id) or "caller"
        return Principal(
            row.project_id, row.id, role, self.directory.organisation_of(row.project_id), row.team_id, row.name,
            policy_from(row.policy), (*levels, own), everywhere=row.id == MASTER,
        )  # fmt: skip

    def _meet(self, member: Member) -> Principal:
        with self._lock:
            role = member.role or self.directory.role_of(member.project_id, member.team_id) or "viewer"
            made = self._people[member] = Principal(
                member.project_id, f"{_MEMBER}{member.subject}", role,
                self.directory.organisation_of(member.project_id), member.team_id, member.subject,
                levels=self.directory.levels(member.project_id, member.team_id),
            )  # fmt: skip
            return made

    def _administrator(self) -> Principal:
        levels = self.directory.levels(DEFAULT_PROJECT, None)
        organisation = self.directory.organisation_of(DEFAULT_PROJECT)
        return Principal(
            DEFAULT_PROJECT, IN_PROCESS, "admin", organisation, name=IN_PROCESS, levels=levels, everywhere=True
        )
