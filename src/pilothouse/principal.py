"""Who is calling and what that allows: the Principal that a key stands for, carried by every Call.

Knows nothing of how keys are stored, checked or counted.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pilothouse.config import Budget, Limits

__all__ = ["EMBEDDED", "ROLES", "Action", "Level", "Policy", "Principal", "Role"]

Role = Literal["admin", "editor", "viewer", "annotator", "caller"]
ROLES: tuple[Role, ...] = ("admin", "editor", "viewer", "annotator", "caller")

Action = Literal["call", "read", "write", "administer", "attend", "review", "resolve"]
"""`attend` is to see which review queues there are, `review` to get their items and vote,
`resolve` to get what a prompt is now."""
_MAY: dict[Role, frozenset[Action]] = {
    "admin": frozenset(("call", "read", "write", "administer", "attend", "review", "resolve")),
    "editor": frozenset(("call", "read", "write", "attend", "review", "resolve")),
    "viewer": frozenset(("read", "attend", "resolve")),
    "annotator": frozenset(("attend", "review")),
    "caller": frozenset(("call", "resolve")),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a key may reach; an empty tuple leaves it open. `models` and `endpoints` may end in `*`.

    `cache` is false for a key whose calls are neither answered from a cache nor stored in one; `guards` are the guard
    policies that hold for it beside others.
    """

    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    cache: bool = True
    guards: tuple[str, ...] = ()


_UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Level:
    """One level that a call counts for. `account` is such as `org:acme`, `project:default`, `team:...`, `key:...`."""

    account: str
    limits: Limits = _UNLIMITED
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Principal:
    """Who is calling. `levels` go from the organisation down to the key. Compared by identity: a changed key makes a
    new one. `everywhere` is whoever runs the installation: all projects are theirs."""

    project_id: str
    key_id: str
    role: Role
    org_id: str = "default"
    team_id: str | None = None
    name: str = ""
    policy: Policy = Policy()
    levels: Sequence[Level] = ()
    everywhere: bool = False

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    def may(self, action: Action) -> bool:
        return action in _MAY[self.role]


EMBEDDED = Principal("default", "", "admin", name="embedded", everywhere=True)
"""Whoever works in this process without a key: the command line, embedded use."""
