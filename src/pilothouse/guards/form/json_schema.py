"""Whether an answer is JSON of a schema, mended where it can be."""

import asyncio
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, Literal

import msgspec

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.form.problems import Form, Formed, result_of
from pilothouse.guards.form.schema import SchemaForm
from pilothouse.protocols import Guard, Subject
from pilothouse.types import Json

__all__ = ["JsonSchema", "read_aside"]

_LONG = 20_000
"""Characters from which on a text is read on another thread."""


@dataclass(frozen=True, kw_only=True)
class JsonSchema(Guard):
    """Triggers where an answer is not JSON of `schema`; without one, of the schema that the request asked for by its
    `response_format`. With `repair` it says how the answer should have been, where that is certain enough: JSON in a
    code fence or between words, wrong quotes and commas, brackets missing at the end, "12" for 12. An answer that was
    cut off within a value is mended only with `keep_cut`: the rest of it is lost.
    With `native` the gateway asks models for the schema, in the words of each provider."""

    stages: ClassVar[frozenset[Stage]] = frozenset({"output"})
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "retry"

    schema: Json | None = None
    repair: bool = True
    keep_cut: bool = False
    native: bool = False
    name: str = "json_schema"

    def __post_init__(self) -> None:
        try:
            _ = self._form
        except ValueError as error:
            raise ConfigError(f"{self.name}.schema: {error}.", param=f"{self.name}.schema") from None

    @property
    def asked(self) -> Json | None:
        """The schema that models are to be asked for."""
        return self.schema if self.native else None

    async def check(self, subject: Subject) -> GuardResult:
        form = self._form
        if form is None:
            if subject.schema is None:
                return GuardResult.skipped(self.name, "Neither the guard nor the request has a schema.")
            try:
                form = _asked(msgspec.json.encode(subject.schema), self.keep_cut)
            except ValueError as error:
                return GuardResult.failed(self.name, f"The schema of the request {error}.")
        return result_of(self.name, await read_aside(form, subject.text, mend=self.repair))

    @cached_property
    def _form(self) -> SchemaForm | None:
        return None if self.schema is None else SchemaForm(self.schema, keep_cut=self.keep_cut)


async def read_aside(form: Form, text: str, *, mend: bool) -> Formed:
    """What a text says in a form; a long one is read on a thread, for what else runs."""
    if len(text) < _LONG:
        return form.read(text, mend=mend)
    return await asyncio.to_thread(form.read, text, mend=mend)


@lru_cache(64)
def _asked(schema: bytes, keep_cut: bool) -> SchemaForm:
    return SchemaForm(msgspec.json.decode(schema), keep_cut=keep_cut)
