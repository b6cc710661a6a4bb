"""Evaluators by name: entry points of the group `pilothouse.evaluators`, made with the options of a configuration."""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from pilothouse.errors import ConfigError
from pilothouse.evals.shapes import Evaluator
from pilothouse.plugins import Registry

__all__ = ["DEFAULTS", "GROUP", "Dimension", "Evaluators"]

GROUP = "pilothouse.evaluators"

Dimension = Literal[
    "correctness", "faithfulness", "relevance", "harmlessness", "helpfulness", "coherence", "latency", "cost"
]
"""What people ask of an answer."""

DEFAULTS: Mapping[Dimension, str] = {
    "correctness": "correctness", "faithfulness": "faithfulness", "relevance": "answer_relevance",
    "harmlessness": "harmlessness", "helpfulness": "helpfulness", "coherence": "coherence", "latency": "latency",
    "cost": "cost",
}  # fmt: skip
"""The evaluator that speaks for a dimension where nobody names another."""


class Evaluators:
    """The evaluators there are, built-ins and plugins alike. `registry` holds others in tests."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry or Registry(GROUP)

    def names(self) -> list[str]:
        return self._registry.names()

    def kind(self, name: str) -> type[Evaluator]:
        """The dataclass behind a name, of which nothing is made. Raises ConfigError for none, or for one that is no
        evaluator."""
        kind = self._registry.get(name)
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind) and hasattr(kind, "evaluate")):
            raise ConfigError(f"The plugin '{name}' is no evaluator: it must be a dataclass with a method 'evaluate'.")
        return typing.cast("type[Evaluator]", kind)

    def from_config(self, name: str, options: Mapping[str, Any] | None = None) -> Evaluator:
        """The evaluator `name` with these options; its own name is `name` unless `options` has another.

        Raises ConfigError whose `param` is the key, such as `regex.pattern`, with the nearest key that there is.
        """
        kind = self.kind(name)
        options = {"name": name} if options is None else options
        if not isinstance(options, Mapping):
            raise ConfigError(f"{name}: its options are a map of names and values, not {options!r}.", param=name)
        fields: dict[str, dataclasses.Field[Any]] = {
            field.name: field for field in dataclasses.fields(typing.cast(Any, kind)) if field.init
        }
        for key in options:
            if key not in fields:
                raise _wrong(name, str(key), f"is no option.{_near(str(key), fields)}")
        for key, field in fields.items():
            if key not in options and field.default is field.default_factory is dataclasses.MISSING:
                raise _wrong(name, key, "is missing.")
        try:
            return msgspec.convert({"name": name, **options}, kind)
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$.")
            key = path.rstrip("`")
            raise _wrong(name, key, f"{what}.{_valid(kind, key, options.get(key))}") from None


def _wrong(name: str, key: str, what: str) -> ConfigError:
    place = f"{name}.{key}" if key else name
    return ConfigError(f"{place}: {what}", param=place)


def _near(given: str, there: Iterable[str]) -> str:
    names = list(there)
    near = difflib.get_close_matches(given, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{hint} There are: {', '.join(names)}."


def _valid(kind: type, key: str, given: Any) -> str:
    """The values that a choice allows, nothing where the key is no choice."""
    hint = typing.get_type_hints(kind).get(key)
    if typing.get_origin(hint) is not Literal:
        return ""
    return _near(str(given), [str(value) for value in typing.get_args(hint)])
