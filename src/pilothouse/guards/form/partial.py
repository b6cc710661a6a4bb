"""What there is of an answer while it still comes, as values or as an object of a pydantic model.

Every part of it is complete and as the model wants it, but for the text that is being written. Knows nothing of models
that answer.
"""

import types
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple, Union

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pilothouse.guards.form.growing import NOTHING, Growing, Grown

__all__ = ["Partials", "partial_of"]

_SHARE = 64
"""A value is told each time the text has grown by such a part: all of them together cost no more than so many readings
of the whole."""


class Partials:
    """Feed it the pieces; `feed` gives what there is once it has grown enough to be told, else NOTHING. `kind` is the
    pydantic model, None for plain values."""

    def __init__(self, kind: Any = None, opener: str = "{[") -> None:
        self._growing, self._kind = Growing(opener), kind
        self._checks = _Checks()
        self._size = self._told = 0
        self._last: Any = NOTHING

    def feed(self, piece: str) -> Any:
        growing = self._growing
        if growing.complete or growing.broken:
            return NOTHING
        self._size += len(piece)
        growing.feed(piece)
        if growing.broken or (self._size - self._told) * _SHARE < self._size:
            return NOTHING
        self._told = self._size
        grown = growing.grown
        if grown.value is NOTHING or grown.value == self._last:
            return NOTHING
        self._last = grown.value
        return grown.value if self._kind is None else self._checks.made(self._kind, grown)


def partial_of(kind: Any, grown: Grown) -> Any:
    """What there is, as an object of the model: fields that are not there yet, or not as they should be, are None, and
    not among its `model_fields_set`."""
    return _Checks().made(kind, grown)


class _Checked(NamedTuple):
    """`raw` is kept, so that its id stays its own."""

    raw: Any
    value: Any


class _Checks:
    """Values that are complete are checked once each, however often they are told."""

    def __init__(self) -> None:
        self._adapters: dict[int, tuple[Any, TypeAdapter[Any]]] = {}
        self._done: dict[tuple[int, int], _Checked] = {}
        self._fields: dict[tuple[type[BaseModel], str], Any] = {}

    def made(self, kind: Any, grown: Grown) -> Any:
        made = self._open(kind, grown.value, grown.open) if grown.open else self._closed_or_open(kind, grown.value)
        return None if made is NOTHING else made

    def _closed_or_open(self, kind: Any, value: Any) -> Any:
        """The outermost value: complete, or begun and nothing in it open."""
        found = self._closed(kind, value)
        return self._open(kind, value, ()) if found is NOTHING else found

    def _closed(self, kind: Any, value: Any) -> Any:
        if isinstance(value, dict | list):
            known = self._done.get((id(value), id(kind)))
            if known is not None:
                return known.value
        adapter = self._adapters.get(id(kind))
        if adapter is None:
            adapter = self._adapters[id(kind)] = (kind, TypeAdapter(kind))
        try:
            made = adapter[1].validate_python(value)
        except ValidationError:
            made = NOTHING
        if isinstance(value, dict | list):
            self._done[id(value), id(kind)] = _Checked(value, made)
        return made

    def _open(self, kind: Any, value: Any, path: tuple[str | int, ...]) -> Any:
        kind = _bare(kind, value)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, dict):
            return self._model(kind, value, path)
        origin, inner = typing.get_origin(kind) or kind, typing.get_args(kind)
        if isinstance(value, list) and origin is list:
            return self._list(inner[0] if inner else Any, value, path)
        if isinstance(value, dict) and origin in (dict, Mapping):
            return self._dict(inner[1] if len(inner) > 1 else Any, value, path)
        if kind is Any or (kind is str and isinstance(value, str)):
            return value
        return NOTHING

    def _model(self, kind: type[BaseModel], value: dict[str, Any], path: tuple[str | int, ...]) -> BaseModel:
        made: dict[str, Any] = {}
        for name, field in kind.model_fields.items():
            names = (field.alias, field.validation_alias, name)
            key = next((one for one in names if isinstance(one, str) and one in value), None)
            if key is None:
                continue
            one = self._member(self._kind_of(kind, name, field), value[key], key, path)
            if one is not NOTHING:
                made[name] = one
        missing = {name: None for name, field in kind.model_fields.items() if name not in made and field.is_required()}
        return kind.model_construct(set(made), **missing, **made)

    def _kind_of(self, model: type[BaseModel], name: str, field: FieldInfo) -> Any:
        """The type of a field with its constraints, the same object each time."""
        known = self._fields.get((model, name))
        if known is None:
            whole = (field.annotation, *field.metadata)
            known = self._fields[model, name] = typing.Annotated[whole] if field.metadata else field.annotation
        return known

    def _list(self, kind: Any, value: list[Any], path: tuple[str | int, ...]) -> list[Any]:
        made = [self._member(kind, one, at, path) for at, one in enumerate(value)]
        return [one for one in made if one is not NOTHING]

    def _dict(self, kind: Any, value: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
        made = {key: self._member(kind, one, key, path) for key, one in value.items()}
        return {key: one for key, one in made.items() if one is not NOTHING}

    def _member(self, kind: Any, value: Any, key: str | int, path: tuple[str | int, ...]) -> Any:
        if path and path[0] == key:
            return self._open(kind, value, path[1:])
        return self._closed(kind, value)


def _bare(kind: Any, value: Any) -> Any:
    """A type without Annotated and Optional; of several types the one that a value of this sort may grow to, where it
    is the only one."""
    if typing.get_origin(kind) is typing.Annotated:
        return _bare(typing.get_args(kind)[0], value)
    if typing.get_origin(kind) in (Union, types.UnionType):
        fitting = [one for one in typing.get_args(kind) if _may_be(one, value)]
        return _bare(fitting[0], value) if len(fitting) == 1 else None
    return kind


def _may_be(kind: Any, value: Any) -> bool:
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    origin = typing.get_origin(kind) or kind
    if isinstance(value, str):
        return origin is str
    if isinstance(value, list):
        return origin is list
    return origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, BaseModel))
