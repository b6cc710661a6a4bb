from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.rules.schema import JsonSchema, SchemaCheck

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "age": {"type": "integer", "minimum": 0}},
    "patternProperties": {"^x-": {"type": "string"}},
    "additionalProperties": False,
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ('{"name": "Ada", "age": 36, "x-note": "y"}', None),
        ('{"age": 36}', "$: 'name' is a required property"),
        ('{"name": "ada"}', "$.name: 'ada' does not match '^[A-Z]'"),
        ('{"name": "Ada", "age": -1}', "$.age: -1 is less than the minimum of 0"),
        ('{"name": "Ada", "size": 3}', "$: the key 'size' is not expected"),
        ('{"name": "Ada", "x-note": 1}', "$['x-note']: 1 is not of type 'string'"),
    ],
)
def test_values_are_held_against_the_schema(judge: Any, output: str, fault: str | None) -> None:
    verdict = judge(JsonSchema(schema=PERSON), output)
    assert verdict.passed is (fault is None)
    assert verdict.detail.get("faults", []) == ([] if fault is None else [fault])


def test_other_keys_may_have_a_schema() -> None:
    check = SchemaCheck({"additionalProperties": {"type": "integer"}})
    assert check.faults({"a": 1}) == []
    assert check.faults({"a": "b"}) == ["$.a: 'b' is not of type 'integer'"]


def test_what_is_no_json_fails(judge: Any) -> None:
    assert "is no JSON" in judge(JsonSchema(schema={}), "name: Ada").explanation
    assert judge(JsonSchema(schema={}, fenced=True), "```\n{}\n```").passed


def test_formats_are_checked() -> None:
    assert SchemaCheck({"format": "date"}).faults("2026-13-01")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "strng"}, r"json_schema.schema: is no JSON schema: \$.type"),
        ({"properties": {"a": {"pattern": "("}}}, "is no JSON schema|which is no regular expression"),
        ({"patternProperties": {"((a{1000}){1000}){1000}": {}}}, "repeats too much"),
        ({"unevaluatedProperties": False, "patternProperties": {"a": {}}}, "not supported here"),
    ],
)
def test_what_is_no_schema_is_refused(schema: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        JsonSchema(schema=schema)


def test_a_schema_without_an_end_is_refused() -> None:
    schema: dict[str, Any] = {}
    schema["not"] = schema
    with pytest.raises(ConfigError, match="nested too deeply"):
        JsonSchema(schema=schema)


@pytest.mark.parametrize("target", ["#", "#/nowhere", "http://example.invalid/schema"])
def test_references_that_lead_nowhere_make_it_fail_and_fetch_nothing(judge: Any, target: str) -> None:
    verdict = judge(JsonSchema(schema={"$ref": target}), "1")
    assert verdict.status == "failed"
    assert "refers to" in verdict.explanation


def test_references_inside_the_schema() -> None:
    tree = {"$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"}
    assert SchemaCheck(tree).faults([[], [[]]]) == []
    assert SchemaCheck(tree).faults([[1]]) == ["$[0][0]: 1 is not of type 'array'"]


def test_a_pattern_without_end_is_stopped(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.evals.rules.schema._SECONDS", 0.02)
    verdict = judge(JsonSchema(schema={"pattern": r"^(\w|\w\w)+$"}), '"' + "a" * 60 + '!"')
    assert verdict.status == "failed"
    assert "takes too long" in verdict.explanation
