"""What is compared, as it is written: `model:fast`, `corpus:handbook`, `config:12`, `config:new.yaml`,
`prompt:v2.yaml`, `prompt:faq@2`, `recorded`, or several of them joined by `+`.

A prompt is a file, or where there is none of that name one of the registry, which is read when the sides are prepared.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from pilothouse.config import Config
from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.evals.runs.templates import check_template
from pilothouse.prompts.versions import reference_of
from pilothouse.snapshot import read_config
from pilothouse.types import Json
from pilothouse.yamlfile import YamlFile

__all__ = ["Prompt", "Side", "parse_side", "read_prompt", "side_of"]

KINDS = ("model", "corpus", "config", "prompt")
_JOINED = re.compile(r"\+(?=(?:model|corpus|config|prompt):)")
_HOW = (
    "Write it as model:NAME, corpus:NAME, config:NUMBER, config:FILE, prompt:FILE, prompt:NAME@VERSION or recorded; "
    "several are joined by +, as config:12+model:fast."
)
_OURS = ("model", "messages", "stream")
_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Prompt(_Strict):
    """Messages with places as `{input}`, which of a recorded chat is the last message of its user, and further fields
    of the request. `model` is whom it is for, where it says so."""

    messages: list[Json] = Field(min_length=1)
    model: _Name | None = None
    params: Json = {}

    @model_validator(mode="after")
    def _checked(self) -> Self:
        for message in self.messages:
            if what := check_template(message):
                raise PydanticCustomError("prompt", "{what}", {"what": what.rstrip(".")})
        if bad := [name for name in _OURS if name in self.params]:
            raise PydanticCustomError("prompt", "params may not have '{name}'", {"name": bad[0]})
        return self


class Side(_Strict):
    """One version. Without `model` and `corpus` each recorded call asks the model that it asked then. `config` is the
    number of a stored configuration, or one that is given, `prompt` one that is given, or a reference to one of the
    registry; `recorded` stands for what was answered then."""

    model: _Name | None = None
    corpus: _Name | None = None
    config: int | Config | None = None
    prompt: Prompt | _Name | None = None
    recorded: Literal[True] | None = None
    label: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = [name for name in (*KINDS, "recorded") if getattr(self, name) is not None]
        if not given:
            raise PydanticCustomError("side", "names nothing to compare")
        if self.model is not None and self.corpus is not None:
            raise PydanticCustomError("side", "names a model and a corpus: one of them answers")
        if self.recorded and len(given) > 1:
            raise PydanticCustomError("side", "'recorded' stands alone: it is what was answered then")
        if self.registered is not None and (self.config is not None or self.corpus is not None):
            raise PydanticCustomError("side", "a prompt of the registry is asked of a model: leave the rest out")
        return self

    @property
    def registered(self) -> str | None:
        """The reference to a prompt of the registry."""
        return self.prompt if isinstance(self.prompt, str) else None

    @property
    def asks(self) -> str | None:
        """Whom it asks; None for the model that a recorded call asked."""
        named = f"rag:{self.corpus}" if self.corpus else self.model
        return named or (self.prompt.model if isinstance(self.prompt, Prompt) else None)

    @property
    def told(self) -> str:
        """Its name in a report."""
        if self.label:
            return self.label
        parts = {"model": self.model, "corpus": self.corpus}
        parts["config"] = str(self.config) if isinstance(self.config, int) else "given" if self.config else None
        parts["prompt"] = "given" if isinstance(self.prompt, Prompt) else self.prompt
        return "+".join(f"{kind}:{name}" for kind, name in parts.items() if name is not None) or "recorded"


def parse_side(text: str, folder: Path | None = Path()) -> Side:
    """What a command line writes; files are looked for in `folder`, where there is one. Raises ConfigError that says
    how to write it."""
    if text == "recorded":
        return Side(recorded=True)
    fields: dict[str, Any] = {"label": text}
    for part in _JOINED.split(text):
        kind, _, name = part.partition(":")
        if kind not in KINDS or not name:
            raise ConfigError(f"'{text}' is nothing to compare. {_HOW}", param="side")
        if kind in fields:
            raise ConfigError(f"'{text}' names two of '{kind}'. {_HOW}", param="side")
        if kind == "config":
            fields[kind] = int(name) if name.isascii() and name.isdecimal() else read_config((folder or Path()) / name)
        elif kind == "prompt" and folder is not None and (folder / name).exists():
            fields[kind] = read_prompt(folder / name)
        else:
            fields[kind] = str(reference_of(name)) if kind == "prompt" else name
    return side_of(fields)


def side_of(data: Any) -> Side:
    """A side as JSON has it: its fields, or a text without files, as `model:fast`. Raises InvalidRequest."""
    if isinstance(data, str):
        found = dict.fromkeys(_JOINED.split(data))
        files = [part for part in found if re.match(r"config:(?!\d+$)", part)]
        if files:
            raise InvalidRequest(f"'{files[0]}' names a file: give its content, as an object.", param="side")
        return parse_side(data, None)
    try:
        return Side.model_validate(data)
    except ValidationError as error:
        wrong = [one for one in error.errors() if one["loc"][1:2] != ("constrained-str",)] or error.errors()[:1]
        raise InvalidRequest("\n".join(_explained(one) for one in wrong), param="side") from None


def read_prompt(path: Path) -> Prompt:
    """The prompt of a YAML or JSON file: a list of messages, or `messages` with `model` and `params`. Raises
    ConfigError naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}.") from None
    file = YamlFile(path, text)
    data = {"messages": file.data} if isinstance(file.data, list) else file.data
    try:
        return Prompt.model_validate(data)
    except ValidationError as error:
        lines = [f"{path}:{file.line(one['loc'])}: {_explained(one)}" for one in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def _explained(error: Any) -> str:
    place = ".".join(str(step) for step in error["loc"] if "Prompt" not in str(step))
    what = {"missing": "is missing", "extra_forbidden": "unknown key"}.get(error["type"], error["msg"])
    return f"{place}: {what}." if place else f"{what}."
