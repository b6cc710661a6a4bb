"""Whose session a page is shown to, and the token that the forms of that session carry.

SameSite=Strict and Fetch Metadata do not stop a page of another port of the same host: that is the same site, and
browsers tell Sec-Fetch-Site to https and localhost alone. Such a page can send a form, but it cannot read the token.
"""

import hmac
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from pilothouse.access import Actor
from pilothouse.access.policy import demand
from pilothouse.principal import Action, Principal

__all__ = [
    "COOKIE", "Administrator", "Editor", "Guest", "Reader", "Reviewer", "Visitor", "guest", "visitor_of",
]  # fmt: skip

COOKIE = "pilothouse_session"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person in the console. `token` goes into every form of theirs."""

    principal: Principal
    token: str

    def may(self, action: Action) -> bool:
        """Whether their role allows this."""
        return self.principal.may(action)

    def sent(self, token: str) -> bool:
        """Whether a form with this token came from a page of this session. Compares in constant time."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    @property
    def actor(self) -> Actor:
        """They, in the audit log."""
        return Actor.of(self.principal, "console")


def visitor_of(request: Request) -> Visitor | None:
    """Whose session the request is of; None on the pages that are open to all."""
    principal = getattr(request.state, "principal", None)
    if principal is None:
        return None
    cookie = request.cookies.get(COOKIE, "")
    return Visitor(principal, blake2b(cookie.encode(), digest_size=16, person=b"console-form").hexdigest())


def guest(request: Request) -> Visitor:
    """The visitor, where the door let nobody else through."""
    visitor = visitor_of(request)
    assert visitor is not None
    return visitor


Guest = Annotated[Visitor, Depends(guest)]
"""Whoever is signed in."""


def _reader(visitor: Guest) -> Visitor:
    demand(visitor.principal, "read")
    return visitor


def _reviewer(visitor: Guest) -> Visitor:
    demand(visitor.principal, "review")
    return visitor


def _editor(visitor: Guest) -> Visitor:
    demand(visitor.principal, "write")
    return visitor


def _administrator(visitor: Guest) -> Visitor:
    demand(visitor.principal, "administer")
    return visitor


Reader = Annotated[Visitor, Depends(_reader)]
"""A visitor who may look at the platform: not those who review alone."""

Reviewer = Annotated[Visitor, Depends(_reviewer)]
"""A visitor who may review."""

Editor = Annotated[Visitor, Depends(_editor)]
"""A visitor who may change the configuration."""

Administrator = Annotated[Visitor, Depends(_administrator)]
"""A visitor who may change keys, teams and budgets."""
