"""Schemas for constrained decoding."""

import copy

from pilothouse.providers.schema import closed
from pilothouse.types import Json


def test_objects_are_closed_at_every_depth() -> None:
    inner = {"type": ["object", "null"], "properties": {}}
    schema: Json = {
        "type": "object",
        "properties": {"a": inner, "b": {"type": "array", "items": {"$ref": "#/$defs/c"}}},
        "$defs": {"c": {"anyOf": [inner, {"type": "string"}]}},
    }
    before = copy.deepcopy(schema)
    made = closed(schema)
    assert schema == before
    shut = {**inner, "additionalProperties": False}
    assert made == {
        "type": "object",
        "additionalProperties": False,
        "properties": {"a": shut, "b": {"type": "array", "items": {"$ref": "#/$defs/c"}}},
        "$defs": {"c": {"anyOf": [shut, {"type": "string"}]}},
    }
    assert closed(made) == made


def test_unknown_constraints_become_words() -> None:
    schema: Json = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many."},
            "minimum": {"type": "array", "minItems": 2, "items": {"type": "string", "maxLength": 3}},
            "one": {"type": "array", "minItems": 1},
            "kind": {"enum": [{"type": "object"}], "default": {"minimum": 1}},
        },
    }
    assert closed(schema)["properties"] == {
        "n": {"type": "integer", "description": "How many. (minimum: 1, maximum: 9)"},
        "minimum": {
            "type": "array",
            "items": {"type": "string", "description": "(maxLength: 3)"},
            "description": "(minItems: 2)",
        },
        "one": {"type": "array", "minItems": 1},
        "kind": {"enum": [{"type": "object"}], "default": {"minimum": 1}},
    }


def test_what_the_caller_said_of_other_properties_stays() -> None:
    schema: Json = {"type": "object", "additionalProperties": {"type": "string"}}
    assert closed(schema) == schema
