"""The versioned configuration. A Snapshot is immutable and numbered; a YAML file is one of its authors.

Secrets stay references (`${OPENAI_API_KEY}`) in a Snapshot and are resolved only where a provider is built.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pilothouse.config import Config, ModelConfig
from pilothouse.errors import ConfigError
from pilothouse.ids import content_hash
from pilothouse.types import Json
from pilothouse.yamlfile import REFERENCE, YamlFile

__all__ = ["RESERVED", "Snapshot", "config_of", "located", "parse_stored", "read_config", "resolve_secrets"]

_Loc = tuple[str | int, ...]

RESERVED = ("builtin", "rag")
"""Providers that exist without being configured."""

_OURS = frozenset(
    f"PILOTHOUSE_{name}"
    for name in (
        "MASTER_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "OIDC_CLIENT_SECRET",
        "PAYLOAD_KEY",
    )
)
"""What no reference reaches: who edits the configuration chooses where a provider's secrets are sent."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A numbered, immutable Config. `number` is 0 for one that was never stored."""

    number: int
    config: Config
    author: str = "defaults"

    @property
    def hash(self) -> str:
        return content_hash(self.config.model_dump(mode="json"))


def read_config(path: Path, text: str | None = None) -> Config:
    """Parse a YAML configuration. Raises ConfigError as `file:line: key: what is wrong` with the nearest valid key."""
    if text is None:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{path}: is not UTF-8 text.") from None
    file = YamlFile(path, text)
    return Config() if file.data is None else config_of(file.data, lambda loc: f"{path}:{file.line(loc)}: ")


def config_of(data: Any, place: Callable[[_Loc], str] = lambda loc: "") -> Config:
    """A Config from plain data, such as a JSON body. `place` says where a key stands, before each problem.

    Raises ConfigError with a line `place: key: what is wrong` per problem.
    """
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(place, e) for e in error.errors())) from None
    problems = [f"{place(loc)}{_dotted(loc)}: {text}" for loc, text in _dangling(config)]
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def located(path: Path, text: str, error: ConfigError) -> ConfigError:
    """`error` about the key `error.param`, with the file and line where `text` has it."""
    line = YamlFile(path, text).line((error.param or "").split(".")) if error.param else None
    return ConfigError(f"{path}:{line}: {error.message}" if line else f"{path}: {error.message}", param=error.param)


def resolve_secrets(value: str | None, where: str, env: Mapping[str, str] | None = None) -> str | None:
    """Replace `${NAME}` by the environment's value. Raises ConfigError naming `where` and the missing variable."""
    if value is None:
        return None
    env = os.environ if env is None else env

    def look_up(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in _OURS:
            raise ConfigError(f"{where}: {name} is this server's own and is sent to no provider.", param=where)
        if name not in env:
            raise ConfigError(f"{where}: the environment variable {name} is not set.", param=where)
        return env[name]

    if "${" in REFERENCE.sub("", value):
        raise ConfigError(f"{where}: holds a '${{' that is no reference: write ${{NAME}}.", param=where)
    return REFERENCE.sub(look_up, value)


def _dangling(config: Config) -> Iterator[tuple[_Loc, str]]:
    """References to providers and models that do not exist, and names that are taken."""
    providers = [*config.providers, *RESERVED]
    for name in RESERVED:
        if name in config.providers:
            yield ("providers", name), "this name is reserved: it is always there; choose another"
    for alias, model in config.models.items():
        for i, deployment in enumerate(model.deployments):
            if deployment.provider not in providers:
                hint = _nearest(deployment.provider, providers)
                yield ("models", alias, "deployments", i, "provider"), f"no provider '{deployment.provider}'{hint}"
        for place, name in _aliases_named_by(model):
            if name not in config.models:
                yield ("models", alias, *place), f"no model '{name}'{_nearest(name, list(config.models))}"
    yield from _policies_lacking(config)
    answer = config.rag.answer_model
    if answer not in config.models and answer.partition("/")[0] not in providers:
        yield ("rag", "answer_model"), f"no model '{answer}'{_nearest(answer, list(config.models))}"


def _policies_lacking(config: Config) -> Iterator[tuple[_Loc, str]]:
    """Guard policies that are named and are not there, and models that a policy names."""
    there = config.guards.policies
    named: list[tuple[_Loc, str]] = [(("guards", "default", i), name) for i, name in enumerate(config.guards.default)]
    for alias, model in config.models.items():
        named += [(("models", alias, "guards", i), name) for i, name in enumerate(model.guards)]
    for place, name in named:
        if name not in there:
            yield place, f"no guard policy '{name}'{_nearest(name, list(there))}"
    for name, policy in there.items():
        for number, provider in enumerate(policy.no_pii_to):
            if provider not in (known := [*config.providers, "builtin"]):
                place = ("guards", "policies", name, "no_pii_to", number)
                yield place, f"no provider '{provider}'{_nearest(provider, known)}"
        asked = policy.rephraser
        if asked is not None and asked not in config.models and "/" not in asked:
            place = ("guards", "policies", name, "rephraser")
            yield place, f"no model '{asked}'{_nearest(asked, list(config.models))}"


def _aliases_named_by(model: ModelConfig) -> Iterator[tuple[_Loc, str]]:
    """Every other alias that this one names, with its place."""
    for kind, names in model.fallbacks:
        if isinstance(names, list):
            where = ("fallbacks",) if kind == "any" else ("fallbacks", kind)
            yield from (((*where, i), name) for i, name in enumerate(names))
    for place, one in (("simple", model.simple), ("complex", model.complex)):
        if one is not None:
            yield (place,), one
    if model.shadow is not None:
        yield ("shadow", "model"), model.shadow.model
    yield from ((("rules", i, "use"), rule.use) for i, rule in enumerate(model.rules))


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(names) or 'none'}"


def _explain(place: Callable[[_Loc], str], error: Any) -> str:
    loc: _Loc = error["loc"]
    where = f"{place(loc)}{_dotted(loc)}"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(str(loc[-1]), _valid_keys(loc[:-1]))}"
    if error["type"] in ("model_type", "dict_type"):
        return f"{where}: must hold keys with values"
    if loc[-1:] == ("[key]",):
        return f"{where}: a key must be text: put it in quotes"
    return f"{where}: {error['msg']}"


def _valid_keys(loc: _Loc) -> list[str]:
    """The keys that the model at `loc` accepts."""
    kind: Any = Config
    for step in loc:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(step)].annotation
        else:
            kind = get_args(kind)[-1]
        if get_origin(kind) is UnionType:  # `Hedge | None`
            kind = get_args(kind)[0]
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _dotted(loc: _Loc) -> str:
    return ".".join(str(step) for step in loc) or "configuration"


def parse_stored(body: Json) -> Config:
    """A Config from its stored JSON. Raises ConfigError for one that another version stored and this cannot read."""
    try:
        return Config.model_validate(body)
    except ValidationError as error:
        problems = "; ".join(f"{_dotted(e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"This version cannot read the stored configuration: {problems}.") from None
