"""Whether an answer is JSON of a pydantic model, and the object that it then is."""

import importlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.form.json_schema import read_aside
from pilothouse.guards.form.problems import MOST_TOLD, Formed, Problem, pointer, result_of, shown
from pilothouse.guards.form.reading import Reading, written
from pilothouse.guards.form.schema import Judged, opener_of, read_json
from pilothouse.protocols import Guard, Subject
from pilothouse.types import Json

__all__ = ["Pydantic", "PydanticForm"]


class PydanticForm:
    """JSON of a pydantic model, or of any type that pydantic knows, such as `list[Person]`. The value that was read is
    the object."""

    def __init__(self, kind: Any, *, keep_cut: bool = False) -> None:
        self.kind, self._keep_cut = kind, keep_cut
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)
        try:
            self.schema: Json | None = self._adapter.json_schema()
        except PydanticInvalidForJsonSchema:  # a type that JSON Schema cannot say
            self.schema = None

    def read(self, text: str, *, mend: bool = True) -> Formed:
        return read_json(text, self._judged, mend=mend, opener=opener_of(self.schema), keep_cut=self._keep_cut)

    def _judged(self, reading: Reading, mend: bool) -> Judged:
        try:
            return Judged(self._adapter.validate_json(written(reading.value)), reading, ())
        except RecursionError:
            return Judged(None, reading, [Problem("", "depth", "a value that is not so deep")])
        except ValidationError as error:
            told = error.errors(include_url=False, include_context=False)[:MOST_TOLD]
            return Judged(None, reading, [_problem(one) for one in told])


@dataclass(frozen=True, kw_only=True)
class Pydantic(Guard):
    """Triggers where an answer is not JSON of the pydantic model that `model` names, as `package.module:Class`. It is
    imported from what is installed beside the server. `repair`, `keep_cut` and `native` as of json_schema."""

    stages: ClassVar[frozenset[Stage]] = frozenset({"output"})
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "retry"

    model: str
    repair: bool = True
    keep_cut: bool = False
    native: bool = False
    name: str = "pydantic"

    def __post_init__(self) -> None:
        try:
            _ = self._form
        except ValueError as error:
            raise ConfigError(f"{self.name}.model: {error}.", param=f"{self.name}.model") from None

    @property
    def asked(self) -> Json | None:
        """The schema that models are to be asked for."""
        return self._form.schema if self.native else None

    async def check(self, subject: Subject) -> GuardResult:
        return result_of(self.name, await read_aside(self._form, subject.text, mend=self.repair))

    @cached_property
    def _form(self) -> PydanticForm:
        return PydanticForm(_imported(self.model), keep_cut=self.keep_cut)


def _imported(path: str) -> type[BaseModel]:
    """The model at `package.module:Class`. Raises ValueError."""
    module, _, name = path.partition(":")
    if not module or not name:
        raise ValueError(f"'{path}' is no import path, such as 'package.module:Class'")
    try:
        found: Any = importlib.import_module(module)
        for step in name.split("."):
            found = getattr(found, step)
    except Exception as error:  # noqa: BLE001 - whatever a module raises while it is imported
        raise ValueError(f"'{path}' cannot be imported: {type(error).__name__}: {error}") from None
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise ValueError(f"'{path}' is no pydantic model")
    return found


def _problem(error: Any) -> Problem:
    if error["type"] == "missing":
        path = error["loc"]
        return Problem(pointer(path[:-1]), "required", f"the key {shown(path[-1])}", "not there")
    expected: str = error["msg"].removeprefix("Input should be ")
    return Problem(pointer(error["loc"]), error["type"], expected, shown(error.get("input")))
