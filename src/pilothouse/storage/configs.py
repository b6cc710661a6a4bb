"""Configurations as people see them: without what is secret, and what differs between two of them.

A reference to the environment (`${OPENAI_API_KEY}`) is no secret; a key written out is one. Knows nothing of tables.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.types import Json
from pilothouse.yamlfile import REFERENCE

__all__ = ["HIDDEN", "Difference", "differences", "hidden", "revealed"]

HIDDEN = "(hidden)"
"""Stands for a secret. Whoever sends it back keeps the secret that is there."""

_SECRET = ("api_key", "api_keys", "headers")
_TELLING = re.compile(r"key|secret|token|password|credential", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that differs. `key` is dotted; None stands for a key that is not set. Secrets are hidden."""

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.key}: {_told(self.old)} -> {_told(self.new)}"


def hidden(config: Config) -> Json:
    """The keys of `config` that are not at their defaults, with `(hidden)` for each secret."""
    return _mapped(_written(config), (), _masked)  # type: ignore[no-any-return]


def revealed(given: Any, current: Config | None) -> Any:
    """`given` with each `(hidden)` replaced by what `current` has there.

    Raises ConfigError where it has nothing, and where the provider is another place by now: who may not see a secret
    may not choose where it is sent.
    """
    known = {} if current is None else _written(current)

    def kept(path: _Path, value: Any) -> Any:
        secret = _at(known, path)
        return secret if isinstance(secret, str) and _masked(path, secret) == value else value

    def restored(path: _Path, value: Any) -> Any:
        if not isinstance(value, str) or HIDDEN not in value:
            return value
        secret, where = kept(path, value), ".".join(map(str, path))
        if secret == value:
            raise ConfigError(f"{where}: no secret is kept there. Write a reference, ${{NAME}}.", param=where)
        moved = _moved(given, known, str(path[1]), kept)
        if moved is not None:
            raise ConfigError(
                f"{where}: a secret stays {HIDDEN} only where '{moved}' of its provider stays as it is. Write the "
                "secret, or a reference, ${NAME}.",
                param=where,
            )
        return secret

    return _mapped(given, (), restored)


def differences(old: Config | None, new: Config) -> list[Difference]:
    """What `new` changed. Deployments are compared by name, wherever they stand in their list."""
    before = {} if old is None else dict(_leaves(_written(old), ()))
    after = dict(_leaves(_written(new), ()))
    paths = sorted((p for p in before.keys() | after.keys() if before.get(p) != after.get(p)), key=str)
    return [
        Difference(".".join(map(str, p)), *(None if at.get(p) is None else _shown(p, at[p]) for at in (before, after)))
        for p in paths
    ]


def _written(config: Config) -> Json:
    return config.model_dump(mode="json", exclude_defaults=True)


def _mapped(value: Any, path: _Path, change: Callable[[_Path, Any], Any]) -> Any:
    """A copy of a JSON value with `change(path, leaf)` for every leaf."""
    if isinstance(value, dict):
        return {key: _mapped(item, (*path, key), change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, (*path, index), change) for index, item in enumerate(value)]
    return change(path, value)


def _moved(given: Json, known: Json, name: str, kept: Callable[[_Path, Any], Any]) -> str | None:
    """The first key by which a provider that is in both is another place than before."""
    for key, default in (("kind", name), ("base_url", None), ("headers", {}), ("options", {})):
        path = ("providers", name, key)
        if (_mapped(_at(given, path), path, kept) or default) != (_at(known, path) or default):
            return key
    return None


def _at(value: Any, path: _Path) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        else:
            value = value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
    return value


def _leaves(value: Any, path: _Path) -> Iterator[tuple[_Path, Any]]:
    """Every leaf by its path; a list of plain values is one leaf, a deployment is found by its name."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, _name(item, index) if path[-1] == "deployments" else index))
    elif path:
        yield path, value


def _name(deployment: Json, index: int) -> str | int:
    provider, model = deployment.get("provider"), deployment.get("model")
    return deployment.get("name") or (f"{provider}/{model}" if provider and model else index)


def _shown(path: _Path, value: Any) -> Any:
    return [_masked(path, item) for item in value] if isinstance(value, list) else _masked(path, value)


def _masked(path: _Path, value: Any) -> Any:
    """`value` as it may be shown."""
    if not isinstance(value, str) or len(path) < 3 or path[0] != "providers":
        return value
    if path[2] == "base_url":
        return _PASSWORD.sub(HIDDEN, value)
    telling = path[2] == "options" and any(_TELLING.search(str(step)) for step in path[3:])
    if path[2] not in _SECRET and not telling:
        return value
    return value if REFERENCE.fullmatch(value.removeprefix("Bearer ")) else HIDDEN


def _told(value: Any) -> str:
    return "(not set)" if value is None else str(value)
