"""The versioned configuration. A Snapshot is immutable and numbered; a YAML file is one of its authors.

Secrets stay references (`${OPENAI_API_KEY}`) in a Snapshot and are resolved only where a provider is built.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.errors import ConfigError
from pilothouse.ids import content_hash
from pilothouse.types import Json
from pilothouse.yamlfile import REFERENCE, YamlFile

__all__ = [
    "Config",
    "DeploymentConfig",
    "ModelConfig",
    "ProviderConfig",
    "RagConfig",
    "Snapshot",
    "read_config",
    "resolve_secrets",
]

RESERVED = ("builtin", "rag")
"""Providers that exist without being configured."""

_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProviderConfig(_Strict):
    """How to reach a model API. `kind` is the plugin and defaults to the provider's name; times in seconds.

    `options` are the plugin's own, such as `region` for bedrock or `api_version` for Azure.
    """

    kind: str | None = None
    api_key: str | None = None
    base_url: str | None = None
    headers: dict[str, str] = {}
    connect_timeout: float = Field(5.0, gt=0)
    read_timeout: float = Field(300.0, gt=0)
    options: dict[str, Any] = {}


class DeploymentConfig(_Strict):
    """One model at one provider. `weight` is its share of traffic among the deployments of an alias."""

    provider: str
    model: str
    weight: float = Field(1.0, ge=0)

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.model}"


class ModelConfig(_Strict):
    """An alias over deployments; `fallbacks` are aliases tried in order when all of its deployments fail."""

    deployments: Annotated[list[DeploymentConfig], Field(min_length=1)]
    fallbacks: list[str] = []
    strategy: Literal["weighted"] = "weighted"


class RagConfig(_Strict):
    """How documents are cut and answered from. Sizes in tokens of the embedded encoder."""

    answer_model: str = "builtin/extractive"
    chunk_tokens: int = Field(512, ge=32, le=4096)
    overlap_tokens: int = Field(64, ge=0)
    top_k: int = Field(6, ge=1, le=100)

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if self.overlap_tokens > self.chunk_tokens // 2:
            raise PydanticCustomError("overlap", "overlap_tokens must be at most half of chunk_tokens")
        return self


class Config(_Strict):
    """The whole configuration, as the YAML file writes it."""

    providers: dict[_Name, ProviderConfig] = {}
    models: dict[_Name, ModelConfig] = {}
    rag: RagConfig = RagConfig()


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
    if file.data is None:
        return Config()
    try:
        config = Config.model_validate(file.data)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(path, file, e) for e in error.errors())) from None
    problems = [f"{path}:{file.line(loc)}: {_dotted(loc)}: {text}" for loc, text in _dangling(config)]
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def resolve_secrets(value: str | None, where: str, env: Mapping[str, str] | None = None) -> str | None:
    """Replace `${NAME}` by the environment's value. Raises ConfigError naming `where` and the missing variable."""
    if value is None:
        return None
    env = os.environ if env is None else env

    def look_up(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in env:
            raise ConfigError(f"{where}: the environment variable {name} is not set.", param=where)
        return env[name]

    if "${" in REFERENCE.sub("", value):
        raise ConfigError(f"{where}: holds a '${{' that is no reference: write ${{NAME}}.", param=where)
    return REFERENCE.sub(look_up, value)


def _dangling(config: Config) -> Iterator[tuple[tuple[str | int, ...], str]]:
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
        for i, name in enumerate(model.fallbacks):
            if name not in config.models:
                yield ("models", alias, "fallbacks", i), f"no model '{name}'{_nearest(name, list(config.models))}"
    answer = config.rag.answer_model
    if answer not in config.models and answer.partition("/")[0] not in providers:
        yield ("rag", "answer_model"), f"no model '{answer}'{_nearest(answer, list(config.models))}"


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(names) or 'none'}"


def _explain(path: Path, file: YamlFile, error: Any) -> str:
    loc: tuple[str | int, ...] = error["loc"]
    where = f"{path}:{file.line(loc)}: {_dotted(loc)}"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(str(loc[-1]), _valid_keys(loc[:-1]))}"
    if error["type"] in ("model_type", "dict_type"):
        return f"{where}: must hold keys with values"
    if loc[-1:] == ("[key]",):
        return f"{where}: a key must be text: put it in quotes"
    return f"{where}: {error['msg']}"


def _valid_keys(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at `loc` accepts."""
    kind: Any = Config
    for step in loc:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(step)].annotation
        else:
            kind = get_args(kind)[-1]
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _dotted(loc: tuple[str | int, ...]) -> str:
    return ".".join(str(step) for step in loc) or "configuration"


def parse_stored(body: Json) -> Config:
    """A Config from its stored JSON."""
    return Config.model_validate(body)
