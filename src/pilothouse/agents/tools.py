"""Tools: what an agent can do, how grave that is, and which of the arguments must not come from outside.

Knows nothing of models, nor of who approves.
"""

import inspect
import re
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import jsonschema_rs
from pydantic import ConfigDict, PydanticUserError, create_model

from pilothouse.agents.labels import OURS, Label
from pilothouse.errors import ConfigError
from pilothouse.types import Json

__all__ = ["Severity", "Tool", "tool"]

Severity = Literal["read", "write", "destructive"]
"""`read` changes nothing outside. `write` changes or sends something. `destructive` cannot be undone: it always waits
for a person."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_FAULTS = 5
_OFFLINE: dict[str, Any] = {"offline": True, "pattern_options": jsonschema_rs.RegexOptions()}  # linear, fetches nothing


@dataclass(frozen=True, kw_only=True)
class Tool:
    """Something an agent can do. `run` gets the arguments by name, is async or not, and returns text or plain JSON.

    `parameters` is the JSON schema of the arguments, an object. `plain` names the arguments that may hold what came
    from outside without a person's word; None means all of them where the tool reads, and none of them where it does
    more. `trusted` says that nobody outside can write what it returns, which is then as good as what went in.
    `described` is the label of its name, description and schema: of what an MCP server says of itself, for example.
    `per_minute` bounds its calls by one agent; `most_chars` what of a result is used. Raises ConfigError for what is
    wrong with it.
    """

    name: str
    description: str
    run: Callable[..., Any]
    parameters: Json = field(default_factory=lambda: {"type": "object", "properties": {}})
    severity: Severity = "write"
    plain: Collection[str] | None = None
    trusted: bool = False
    per_minute: int | None = None
    most_chars: int = 100_000
    described: Label = OURS

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise self._wrong("name", "is 1 to 64 letters, digits, '_' or '-'")
        if self.severity not in typing.get_args(Severity):
            raise self._wrong("severity", f"is one of {', '.join(typing.get_args(Severity))}")
        if self.parameters.get("type") != "object":
            raise self._wrong("parameters", "is a JSON schema of the type object")
        if self.per_minute is not None and self.per_minute < 1:
            raise self._wrong("per_minute", "is at least 1")
        try:
            _ = self._validator
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise self._wrong("parameters", f"is no usable JSON schema: {_short(error)}") from None
        for name in self.plain or ():
            if name not in self.names:
                raise self._wrong("plain", f"names '{name}', which is no argument; there are: {self._there}")

    @property
    def names(self) -> list[str]:
        """Its arguments, by name."""
        return [*(self.parameters.get("properties") or {})]

    def is_sensitive(self, argument: str) -> bool:
        """Whether nothing from outside may come to this argument unless a person says so. One that the schema does not
        name is as sensitive as can be."""
        if self.plain is None:
            return self.severity != "read" or argument not in self.names
        return argument not in self.plain

    def faults(self, arguments: Any) -> list[str]:
        """What is wrong with arguments, the first five: `to: 3 is not of type "string"`. Values are quoted."""
        if not isinstance(arguments, dict):
            return ["the arguments must be a JSON object"]
        try:
            found = [f"{_path(error)}{_short(error)}" for error in self._validator.iter_errors(arguments)]
        except (jsonschema_rs.ReferencingError, ValueError, RecursionError) as error:
            return [f"the arguments cannot be checked: {_short(error)}"]
        if "additionalProperties" not in self.parameters and "patternProperties" not in self.parameters:
            found += [f"{name[:64]}: is no argument; there are: {self._there}"
                      for name in arguments if name not in self.names]  # fmt: skip
        return found[:_MOST_FAULTS]

    def told(self) -> Json:
        """As a chat request lists it."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}

    @property
    def _there(self) -> str:
        return ", ".join(self.names) or "none"

    @cached_property
    def _validator(self) -> Any:
        return jsonschema_rs.validator_for(self.parameters, **_OFFLINE)

    def _wrong(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"The tool '{self.name[:64]}': {key} {what}.", param=key)


def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a Tool of a function: its name, its docstring, and a schema from the annotations of its parameters.

    `@tool` alone or with fields of Tool: `@tool(severity="read", per_minute=10)`. Raises ConfigError for parameters
    that cannot be told in a schema.
    """
    if function is None:
        return lambda given: tool(given, **options)
    about = {"name": function.__name__, "description": inspect.getdoc(function) or "", **options}
    if "parameters" not in about:
        about["parameters"] = _schema_of(function)
    return Tool(run=function, **about)


def _schema_of(function: Callable[..., Any]) -> Json:
    fields: dict[str, Any] = {}
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise ConfigError(f"The tool '{function.__name__}': '{name}' cannot be given by its name.", param=name)
            given = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (hints.get(name, str), given)
        made = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
        schema: Json = made.model_json_schema()
    except (PydanticUserError, NameError, TypeError) as error:
        what = f"its parameters have no JSON schema: {_short(error)}"
        raise ConfigError(f"The tool '{function.__name__}': {what}", param="parameters") from None
    schema.pop("title", None)
    return schema


def _path(error: jsonschema_rs.ValidationError) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in error.instance_path).lstrip(".") + (
        ": " if error.instance_path else ""
    )


def _short(error: Exception) -> str:
    return str(getattr(error, "message", error)).splitlines()[0][:300]
