"""Keys: random `ph-...` secrets of which only the SHA-256 is kept, and the Principal each stands for."""

import hashlib
import secrets
import threading
from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import Unauthenticated
from pilothouse.ids import new_id, now_us
from pilothouse.storage.tables import api_keys

__all__ = ["Keys", "Principal", "new_key"]

_MASTER_ID = "master"
_NEVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. `role` is "admin" or "caller"."""

    project_id: str
    key_id: str
    role: str

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


def new_key() -> str:
    """A fresh secret with 192 random bits."""
    return f"ph-{secrets.token_urlsafe(24)}"


def _hash(key: str) -> str:
    """A plain hash is enough for a secret of 192 random bits: there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """The keys of this installation, held in memory by hash and read anew with `reload`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._by_hash: dict[str, tuple[Principal, int]] = {}
        self._in_process: dict[str, tuple[Principal, int]] = {}
        self.reload()

    def reload(self) -> None:
        query = select(api_keys).where(api_keys.c.revoked_us.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        self._by_hash = {
            row.hash: (Principal(row.project_id, row.id, row.role), row.expires_us or _NEVER) for row in rows
        } | self._in_process

    def has_master(self) -> bool:
        return any(principal.key_id == _MASTER_ID for principal, _ in self._by_hash.values())

    def set_master(self, key: str) -> None:
        """Make `key` the administrator's key, in place of the one before. Only its hash is stored."""
        hashed = _hash(key)
        with self._lock:
            known = self._by_hash.get(hashed)
            if known is not None and known[0].key_id == _MASTER_ID:
                return
            row = {"hash": hashed, "prefix": key[:6], "role": "admin", "created_us": now_us(), "revoked_us": None}
            where = (api_keys.c.project_id == DEFAULT_PROJECT, api_keys.c.id == _MASTER_ID)
            with self._engine.begin() as connection:
                changed = connection.execute(update(api_keys).where(*where).values(**row))
                if changed.rowcount == 0:
                    identity = {"project_id": DEFAULT_PROJECT, "id": _MASTER_ID, "name": "master key"}
                    connection.execute(insert(api_keys).values(**identity, **row))
            self.reload()

    def create(self, name: str, role: str = "caller") -> tuple[str, Principal]:
        """A new key, to be shown once, and what it stands for."""
        key, identifier = new_key(), new_id()
        row = {"hash": _hash(key), "prefix": key[:6], "role": role, "created_us": now_us()}
        with self._engine.begin() as connection:
            connection.execute(insert(api_keys).values(project_id=DEFAULT_PROJECT, id=identifier, name=name, **row))
        self.reload()
        return key, Principal(DEFAULT_PROJECT, identifier, role)

    def in_process(self) -> str:
        """An administrator's key that lives in this process' memory and ends with it, for a platform's own clients."""
        key = new_key()
        self._in_process[_hash(key)] = (Principal(DEFAULT_PROJECT, "in-process", "admin"), _NEVER)
        self.reload()
        return key

    def hash_of(self, key_id: str) -> str | None:
        """The stored hash of a valid key, None when there is no such key (any more)."""
        found = ((h, expires) for h, (principal, expires) in self._by_hash.items() if principal.key_id == key_id)
        return next((h for h, expires in found if expires > now_us()), None)

    def authenticate(self, authorization: str | None, x_api_key: str | None = None) -> Principal:
        """The Principal of an `Authorization: Bearer` (or `x-api-key`) header. Raises Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else (x_api_key or "")
        if not key:
            raise Unauthenticated("No API key: send it as 'Authorization: Bearer ph-...'.")
        principal, expires_us = self._by_hash.get(_hash(key), (None, 0))
        if principal is None or expires_us <= now_us():
            raise Unauthenticated(f"The API key '{key[:6]}…' is not known or no longer valid.")
        return principal
