"""Whether an output is JSON of a given schema, by the `jsonschema` package. Nothing is fetched for a `$ref`."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from pilothouse.errors import MissingExtra
from pilothouse.evals.options import refusal
from pilothouse.evals.rules.patterns import BoundedPattern
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.evals.values import NotJson, read
from pilothouse.types import Json

__all__ = ["JsonSchema", "SchemaCheck"]

_MOST_FAULTS = 10
_SECONDS = 0.5  # for one pattern on one text
_DEEPEST_SCHEMA = 100


class SchemaCheck:
    """A JSON schema to hold values against: of draft 2020-12 unless its `$schema` names another.

    Raises ValueError for what is no schema, MissingExtra without `jsonschema`.
    """

    def __init__(self, schema: Json) -> None:
        try:
            import jsonschema  # noqa: PLC0415 - an extra
            import referencing  # noqa: PLC0415
        except ModuleNotFoundError:
            raise MissingExtra("Checking a JSON schema", "evals") from None
        patterns = list(_patterns(schema))
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        try:
            kind.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ValueError(f"is no JSON schema: {error.json_path}: {error.message}") from None
        for pattern in patterns:
            _compiled(pattern)
        own = {"pattern": _pattern, "patternProperties": _by_pattern, "additionalProperties": _additional}
        bounded = jsonschema.validators.extend(kind, own)
        self._validator: Any = bounded(schema, registry=referencing.Registry(), format_checker=kind.FORMAT_CHECKER)
        self._unresolvable = referencing.exceptions.Unresolvable

    def faults(self, value: Any) -> list[str]:
        """What is wrong with `value`, the first ten, as "$.a[0]: 1 is not of type 'string'".

        Raises ValueError where it cannot be told: a reference that leads nowhere or round in a circle, a pattern that
        takes too long.
        """
        try:
            errors = list(islice(self._validator.iter_errors(value), _MOST_FAULTS))
        except self._unresolvable as error:
            raise ValueError(f"The schema refers to what it does not hold: {error}.") from None
        except RecursionError:
            raise ValueError("The schema refers to itself, or the value is nested too deeply.") from None
        except TimeoutError:
            raise ValueError("A pattern of the schema takes too long.") from None
        except ArithmeticError as error:
            raise ValueError(f"A number cannot be compared: {error}.") from None
        return [f"{error.json_path}: {error.message[:200]}" for error in errors]


@dataclass(frozen=True, kw_only=True)
class JsonSchema(Evaluator):
    """Passes an output that is JSON and meets `schema` (needs the extra `evals`).

    With `fenced` the JSON may stand in a Markdown code fence. `detail.faults` names what is wrong, the first ten.
    """

    schema: Json
    fenced: bool = False
    name: str = "json_schema"

    def __post_init__(self) -> None:
        try:
            _ = self._check
        except ValueError as error:
            raise refusal(self, "schema", str(error)) from None

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        try:
            value = read(case.output, fenced=self.fenced)
        except NotJson as error:
            return told(self.name, False, f"The output is no JSON: {error}.")
        try:
            faults = self._check.faults(value)
        except ValueError as error:
            return Verdict.failed(self.name, str(error))
        return told(self.name, not faults, "; ".join(faults[:3]), detail={"faults": faults} if faults else None)

    @cached_property
    def _check(self) -> SchemaCheck:
        return SchemaCheck(self.schema)


@lru_cache(512)
def _compiled(pattern: str) -> BoundedPattern:
    try:
        return BoundedPattern(pattern)
    except ValueError as error:
        raise ValueError(f"has the pattern '{pattern[:80]}', which {error}") from None


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text, _SECONDS) is not None


def _patterns(node: Any, depth: int = 0) -> Iterator[str]:
    """Every pattern that a schema may search by. Raises ValueError for one too deep, or that cannot be bounded."""
    if depth > _DEEPEST_SCHEMA:
        raise ValueError("is nested too deeply")
    if isinstance(node, dict):
        if "unevaluatedProperties" in node and "patternProperties" in node:
            raise ValueError("has unevaluatedProperties beside patternProperties, which is not supported here")
        if isinstance(pattern := node.get("pattern"), str):
            yield pattern
        if isinstance(by_pattern := node.get("patternProperties"), dict):
            yield from by_pattern
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _patterns(inner, depth + 1)


def _error(message: str) -> Exception:
    from jsonschema import ValidationError  # noqa: PLC0415 - an extra, there once these are called

    error: Exception = ValidationError(message)
    return error


def _pattern(validator: Any, pattern: str, value: Any, schema: Json) -> Iterator[Exception]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield _error(f"{value!r} does not match {pattern!r}")


def _by_pattern(validator: Any, schemas: Json, value: Any, schema: Json) -> Iterator[Exception]:
    if not isinstance(value, dict):
        return
    for pattern, inner in schemas.items():
        for key, item in value.items():
            if _matches(pattern, key):
                yield from validator.descend(item, inner, path=key, schema_path=pattern)


def _additional(validator: Any, allowed: Any, value: Any, schema: Json) -> Iterator[Exception]:
    if not isinstance(value, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, item in value.items():
        if key in known or any(_matches(pattern, key) for pattern in patterns):
            continue
        if allowed is False:
            yield _error(f"the key {key!r} is not expected")
        else:
            yield from validator.descend(item, allowed, path=key)
