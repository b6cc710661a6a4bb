"""The door of `/v1` and `/api`: who is it, from where, and may they come in by this path.

Knows nothing of HTTP but the text of two headers; what they may do inside is up to whoever asked.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pilothouse.access.keys import Keys
from pilothouse.access.policy import Network, check, client_ip
from pilothouse.errors import Unauthenticated
from pilothouse.principal import Principal
from pilothouse.storage.changes import Changes

__all__ = ["Door", "People"]


_LOOK_EVERY = 0.002
"""Seconds: under load a look at every request would cost several us of each; two milliseconds are at once."""


class People(Protocol):
    """Knows people by a token of their OpenID provider."""

    async def principal(self, token: str) -> Principal:
        """Raises Unauthenticated."""
        ...


class Door:
    """Lets callers in by key, or by a JSON Web Token where `people` knows them. `changes` are noticed first, so that a
    key which was revoked elsewhere opens nothing."""

    def __init__(
        self,
        keys: Keys,
        changes: Changes | None = None,
        trusted_proxies: Sequence[Network] = (),
        people: People | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._changes = changes
        self._trusted = tuple(trusted_proxies)
        self._people = people
        self._clock = clock
        self._look_after = 0.0

    def client_ip(self, peer: str, forwarded_for: str | None) -> str:
        """The client's address: X-Forwarded-For counts only when it comes from a trusted proxy."""
        return client_ip(peer, forwarded_for, self._trusted) if forwarded_for and self._trusted else peer

    async def admit(
        self, authorization: str | None, x_api_key: str | None = None, *, endpoint: str, client_ip: str
    ) -> Principal:
        """The caller, whose policy allows this endpoint from this address. Raises Unauthenticated or Forbidden."""
        if self._changes is not None and (now := self._clock()) > self._look_after:
            self._changes.check()
            self._look_after = now + _LOOK_EVERY
        try:
            principal = self._keys.authenticate(authorization, x_api_key)
        except Unauthenticated:
            token = _web_token(authorization)
            if self._people is None or token is None:
                raise
            principal = await self._people.principal(token)
        check(principal, endpoint=endpoint, client_ip=client_ip)
        return principal


def _web_token(authorization: str | None) -> str | None:
    """The JSON Web Token (RFC 7519) in the header, if it looks like one: three parts, the first of them JSON."""
    token = (authorization or "").partition(" ")[2].strip()
    return token if token.startswith("eyJ") and token.count(".") == 2 else None
