"""The shapes in which keys, teams and projects are stated, by the API and the command line, and as they are stored.

Knows nothing of tables. Times are UTC microseconds.
"""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.config import Budget, Limits
from pilothouse.errors import InvalidRequest
from pilothouse.principal import Policy, Role
from pilothouse.settings import ip_network

__all__ = [
    "UNLIMITED", "KeyChange", "KeySettings", "NewKey", "PolicyRules", "Slug", "Strict", "Subject", "TeamChange",
    "TeamSettings", "TenantChange", "TenantSettings", "budgets_from", "check_slug", "limits_from", "policy_from",
    "text_of",
]  # fmt: skip

_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
Slug = Annotated[str, Field(pattern=f"^{_SLUG.pattern}$", description="Lower-case letters, digits, . _ -")]
Subject = Annotated[
    str,
    Field(
        min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$",
        description="The verified e-mail address, or the `sub`, of a user at the OpenID provider.",
    ),
]  # fmt: skip
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Time = Annotated[int, Field(ge=0, lt=2**62, description="UTC microseconds since 1970.")]


class Strict(BaseModel):
    """What a caller states: a field that is none is refused, since a misspelt one would change nothing, or too much."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyRules(Strict):
    """What a key may reach; an empty list leaves it open. Names may end in `*`.

    `models` are names as callers write them: an alias such as `fast`, or `openai/gpt-4o`. `endpoints` are paths, such
    as `/v1/chat/completions` or `/v1/*`. `networks` are IP ranges in CIDR notation. `cache: false` keeps the key's
    calls out of every cache, both ways. `guards` are guard policies that hold for its calls beside all others.
    """

    models: list[_Name] = []
    endpoints: list[Annotated[str, Field(pattern=r"^/[\x21-\x7e]*$")]] = []
    networks: list[str] = []
    cache: bool = True
    guards: list[_Name] = []

    @field_validator("models", "endpoints")
    @classmethod
    def _wildcard_last(cls, names: list[str]) -> list[str]:
        for name in names:
            if "*" in name[:-1]:
                raise ValueError(f"'{name}': a * may only stand at the end")
        return names

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        return [str(ip_network(network)) for network in networks]

    def policy(self) -> Policy:
        """As the Principal carries it."""
        networks = tuple(map(ip_network, self.networks))
        return Policy(tuple(self.models), tuple(self.endpoints), networks, self.cache, tuple(self.guards))


class KeySettings(Strict):
    """Where a key belongs, and what it may do and spend. Without `expires_us` it does not expire."""

    project_id: Slug = DEFAULT_PROJECT
    team_id: Slug | None = None
    expires_us: _Time | None = None
    policy: PolicyRules = PolicyRules()
    limits: Limits = Limits()
    budgets: list[Budget] = []


class NewKey(KeySettings):
    """A key to be made. Without a role it has that of its team, and is a caller where that has none."""

    name: _Name
    role: Role | None = None

    def settings(self) -> KeySettings:
        """All but name and role."""
        return KeySettings.model_validate(self.model_dump(exclude={"name", "role"}))


class KeyChange(Strict):
    """What to change of a key: the fields that are given. `role`, `team_id`, `expires_us` are taken away with null."""

    name: _Name = ""
    role: Role | None = None
    team_id: Slug | None = None
    expires_us: _Time | None = None
    policy: PolicyRules = PolicyRules()
    limits: Limits = Limits()
    budgets: list[Budget] = []


class TenantSettings(Strict):
    """An organisation, a project or a team: its name for people, and what its keys may do and spend together."""

    name: _Name
    limits: Limits = Limits()
    budgets: list[Budget] = []


class TeamSettings(TenantSettings):
    """A team, which may also have a role, for its members and keys without one of their own."""

    role: Role | None = None


class TenantChange(Strict):
    """What to change of an organisation, a project or a team: the fields that are given."""

    name: _Name = ""
    limits: Limits = Limits()
    budgets: list[Budget] = []

    @classmethod
    def of(cls, settings: TenantSettings) -> Self:
        """The change to all of these settings."""
        return cls.model_validate(settings.model_dump())


class TeamChange(TenantChange):
    """What to change of a team: the fields that are given. `role` may be taken away with null."""

    role: Role | None = None


def check_slug(identifier: str) -> str:
    """The id of an organisation, a project or a team, as it may be. Raises InvalidRequest."""
    if not _SLUG.fullmatch(identifier):
        raise InvalidRequest(f"'{identifier}' is no id: up to 64 lower-case letters, digits, dots, dashes.", param="id")
    return identifier


_BUDGETS = TypeAdapter(list[Budget])
UNLIMITED = Limits()
_OPEN = Policy()


def text_of(value: BaseModel | Sequence[BaseModel]) -> str:
    """Limits, rules or budgets as they are stored: JSON without what is default."""
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_defaults=True)
    return json.dumps([one.model_dump(mode="json", exclude_defaults=True) for one in value])


def limits_from(text: str) -> Limits:
    """Stored limits. Most have none, and share one object."""
    return UNLIMITED if text == "{}" else Limits.model_validate_json(text)


def budgets_from(text: str) -> tuple[Budget, ...]:
    """Stored budgets."""
    return () if text == "[]" else tuple(_BUDGETS.validate_json(text))


def policy_from(text: str) -> Policy:
    """A stored policy."""
    return _OPEN if text == "{}" else PolicyRules.model_validate_json(text).policy()
