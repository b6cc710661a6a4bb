"""The form that a JSON Schema says, held by jsonschema-rs. Nothing is fetched for a `$ref`; patterns take linear time
where they can be said so, else a bounded number of steps."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import jsonschema_rs

from pilothouse.guards.form.problems import MOST_TOLD, Formed, Problem, pointer, shown
from pilothouse.guards.form.reading import NotJson, Reading, readings, strict, written
from pilothouse.guards.form.values import mended_values
from pilothouse.types import Json

__all__ = ["Judge", "Judged", "SchemaForm", "opener_of", "read_json"]

_MOST_STEPS = 100_000  # of a pattern that looks around; past them the answer counts as not in its form


class Judged(NamedTuple):
    """What one reading of an answer is: the value that it stands for, the reading itself, and what is wrong with it."""

    value: Any
    reading: Reading
    problems: Sequence[Problem]


Judge = Callable[[Reading, bool], Judged]
"""Holds a reading against a form; the second argument says whether its values may be mended."""


class SchemaForm:
    """JSON of a schema, of draft 2020-12 unless its `$schema` names another.

    What was cut off is not taken for whole unless `keep_cut`. Raises ValueError for what is no schema.
    """

    def __init__(self, schema: Json, *, keep_cut: bool = False) -> None:
        self.schema: Json | None = schema
        self._keep_cut = keep_cut
        self._validator = _compiled(schema)

    def read(self, text: str, *, mend: bool = True) -> Formed:
        return read_json(text, self._judged, mend=mend, opener=opener_of(self.schema), keep_cut=self._keep_cut)

    def problems(self, value: Any) -> list[Problem]:
        """What of a value is not as the schema says, the first ten."""
        try:
            errors = list(islice(self._validator.iter_errors(value), MOST_TOLD))
        except (ValueError, OverflowError, RecursionError):
            return [Problem("", "depth", "a value that can be checked: not so deep, numbers not so long")]
        return [one for error in errors for one in _told(error)][:MOST_TOLD]

    def _judged(self, reading: Reading, mend: bool) -> Judged:
        found = self.problems(reading.value)
        if found and mend:
            value = mended_values(reading.value, lambda one: list(islice(self._validator.iter_errors(one), MOST_TOLD)))
            if value is not None and not self.problems(value):
                return Judged(value, Reading(value, (*reading.mended, "values")), [])
        return Judged(reading.value, reading, found)


def read_json(text: str, judge: Judge, *, mend: bool, opener: str = "{[", keep_cut: bool = False) -> Formed:
    """What a text says: the first of its readings in which nothing is wrong, else the problems of the one that has the
    fewest. Values are mended only where no reading does without."""
    try:
        said = judge(strict(text), mend)
    except NotJson as error:
        broken = Problem("", "json", f"JSON and nothing else ({error})")
    else:
        if said.reading.mended and not mend:
            return Formed(None, text, (Problem("", "keys", "each key of an object once"),))
        if mend and said.problems and isinstance(said.reading.value, str):  # JSON that was written as a text of JSON
            inner = read_json(said.reading.value, judge, mend=True, opener=opener, keep_cut=keep_cut)
            if not inner.problems:
                return Formed(inner.value, inner.text, (), tuple(dict.fromkeys(("extracted", *inner.mended))))
        return _formed(text, said)
    nearest: Sequence[Problem] = ()
    found = readings(text, opener) if mend else ()
    for values in (False, True):
        for reading in found:
            said = judge(reading, values)
            problems = [*_lost(reading, keep_cut), *said.problems]
            if not problems:
                return _formed(text, said)
            if not nearest or len(problems) < len(nearest):
                nearest = problems
    return Formed(None, text, (broken, *nearest)[:MOST_TOLD])


def _lost(reading: Reading, keep_cut: bool) -> Sequence[Problem]:
    return [Problem("", "cut", "all of it", "cut off")] if "cut" in reading.mended and not keep_cut else ()


def opener_of(schema: Json | None) -> str:
    """The brackets with which JSON of a schema may begin."""
    return {"object": "{", "array": "["}.get(str((schema or {}).get("type")), "{[")


def _formed(text: str, said: Judged) -> Formed:
    if said.problems:
        return Formed(None, text, tuple(said.problems))
    mended = said.reading.mended
    return Formed(said.value, written(said.reading.value) if mended else text, (), mended)


def _compiled(schema: Json) -> Any:
    plain = {"offline": True, "validate_formats": True}
    try:
        return jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions(), **plain)  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError, RecursionError, jsonschema_rs.ReferencingError) as error:
        told = _wrong(error)
    try:  # what looks around is not linear
        bounded = jsonschema_rs.FancyRegexOptions(backtrack_limit=_MOST_STEPS)
        return jsonschema_rs.validator_for(schema, pattern_options=bounded, **plain)  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError, RecursionError, jsonschema_rs.ReferencingError):
        raise ValueError(f"is no JSON schema: {told}") from None


def _wrong(error: BaseException) -> str:
    if isinstance(error, jsonschema_rs.ValidationError):
        return f"{pointer(error.instance_path) or 'the top'}: {error.message[:200]}"
    return str(error)[:200]


def _told(error: Any, depth: int = 0) -> list[Problem]:
    kind, name = error.kind, error.kind.name
    if name in ("anyOf", "oneOf") and hasattr(kind, "context") and depth < 3:
        branches = [branch for branch in kind.context if branch]
        if type(kind).__name__ != "OneOfMultipleValid" and branches:
            nearest = min(branches, key=_distance)
            return [one for inner in nearest for one in _told(inner, depth + 1)]
    return [Problem(pointer(error.instance_path), name, _expected(kind, name), _got(error, name))]


def _distance(branch: Sequence[Any]) -> tuple[int, int]:
    """How far a value is from one of several forms: where it breaks deeper, it was meant."""
    return (-max(len(one.instance_path) for one in branch), len(branch))


def _expected(kind: Any, name: str) -> str:
    match name:
        case "type":
            return " or ".join(kind.types)
        case "required":
            return f"the key {shown(kind.property)}"
        case "enum":
            return f"one of {shown(kind.options)}"
        case "const":
            return shown(kind.expected_value)
        case "additionalProperties" | "unevaluatedProperties":
            return "no other keys than those of the schema"
        case "pattern":
            return f"a text that matches the pattern {shown(kind.pattern)}"
        case "format":
            return f"the format {shown(kind.format)}"
        case "oneOf":
            return "exactly one of the forms of the schema"
        case "multipleOf":
            return f"a multiple of {kind.multiple_of}"
        case "uniqueItems":
            return "no item twice"
    if name in _LIMITS and hasattr(kind, "limit"):
        return _LIMITS[name].format(kind.limit)
    return f"what the schema says by '{name}'"


_LIMITS = {
    "minimum": "at least {}", "maximum": "at most {}", "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}", "minLength": "at least {} characters", "maxLength": "at most {} characters",
    "minItems": "at least {} items", "maxItems": "at most {} items", "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
}  # fmt: skip


def _got(error: Any, name: str) -> str:
    if name == "required":
        return "not there"
    if hasattr(error.kind, "unexpected"):
        return f"there with {shown(error.kind.unexpected)}"
    return shown(error.instance)
