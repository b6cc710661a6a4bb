"""Where a configuration sends the secrets of this machine, and who may change that: administrators.

A secret is a variable of the environment that a provider refers to, or the AWS credentials that a provider without any
finds here. Secrets written out are kept in their place by storage.configs.revealed. Knows nothing of HTTP.
"""

from collections.abc import Iterator
from typing import Any

from pilothouse.config import Config, ProviderConfig
from pilothouse.errors import Forbidden
from pilothouse.ids import content_hash
from pilothouse.principal import Principal
from pilothouse.yamlfile import REFERENCE

__all__ = ["demand_same_places"]

_PLACE = {"base_url", "headers", "options"}
_FOUND_HERE = {"bedrock": ("the AWS credentials of this machine", {"aws_access_key_id", "aws_secret_access_key"})}
"""Kinds that look for credentials themselves: what those are, and the options that are used in their stead."""


def demand_same_places(principal: Principal, old: Config, new: Config) -> None:
    """Raises Forbidden, naming the key, where `new` sends a secret to a place that `old` does not send it to, and
    `principal` is no administrator. A place is a provider's kind, base_url, headers and options."""
    if principal.may("administer"):
        return
    known = {
        (secret, _place(name, provider))
        for name, provider in old.providers.items()
        for _, secret in _secrets(name, provider)
    }
    for name, provider in new.providers.items():
        place = _place(name, provider)
        for key, secret in _secrets(name, provider):
            if (secret, place) not in known:
                where = f"providers.{name}{key}"
                raise Forbidden(
                    f"{where}: sends {secret} to a new place, which only an administrator may do. Ask one, or write a "
                    "key of your own.",
                    param=where,
                )


def _place(name: str, provider: ProviderConfig) -> str:
    return content_hash([provider.kind or name, provider.model_dump(mode="json", include=_PLACE)])


def _secrets(name: str, provider: ProviderConfig) -> Iterator[tuple[str, str]]:
    """(dotted key, secret) of all that a provider takes from this machine."""
    yield from _references(provider.model_dump(mode="json", exclude_defaults=True), "")
    found = _FOUND_HERE.get(provider.kind or name)
    if found is not None and not found[1] <= {key for key, value in provider.options.items() if value}:
        yield "", found[0]


def _references(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for step, item in value.items():
            yield from _references(item, f"{key}.{step}")
    elif isinstance(value, list):
        for step, item in enumerate(value):
            yield from _references(item, f"{key}.{step}")
    elif isinstance(value, str):
        yield from ((key, match.group()) for match in REFERENCE.finditer(value))
