"""Plugins that are dataclasses, made of the options of a configuration: what is wrong is told by its key.

Knows nothing of what they do.
"""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec

from pilothouse.errors import ConfigError
from pilothouse.plugins import Registry

__all__ = ["Kinds"]

T = TypeVar("T")


class Kinds(Generic[T]):
    """The plugins of a registry, built-ins and others alike. `noun` is what people call one; each has a `method`."""

    def __init__(self, registry: Registry, noun: str, method: str) -> None:
        self._registry, self._noun, self._method = registry, noun, method

    def names(self) -> list[str]:
        return self._registry.names()

    def kind(self, name: str) -> type[T]:
        """The dataclass behind a name, of which nothing is made. Raises ConfigError for none, or for one that is of
        another sort."""
        kind = self._registry.get(name)
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind) and hasattr(kind, self._method)):
            what = f"it must be a dataclass with a method '{self._method}'"
            raise ConfigError(f"The plugin '{name}' is no {self._noun}: {what}.")
        return typing.cast("type[T]", kind)

    def from_config(self, name: str, options: Mapping[str, Any] | None = None) -> T:
        """The one called `name` with these options; its own name is `name` unless `options` has another.

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
