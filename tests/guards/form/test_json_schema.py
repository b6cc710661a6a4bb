import json
from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.form.json_schema import JsonSchema
from pilothouse.protocols import Subject

PERSON = {
    "type": "object", "required": ["name", "age"], "additionalProperties": False,
    "properties": {
        "name": {"type": "string"}, "age": {"type": "integer", "minimum": 0},
        "kind": {"enum": ["staff", "guest"]}, "tags": {"type": "array", "items": {"type": "string"}},
    },
}  # fmt: skip
GOOD = {"name": "Ada", "age": 36}


async def looked(text: str, **options: Any) -> Any:
    return await JsonSchema(schema=PERSON, **options).check(Subject(text, "output", "assistant"))


async def test_an_answer_in_its_form_passes_as_it_is() -> None:
    assert (await looked(json.dumps(GOOD, indent=2))).status == "passed"


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('```json\n{"name": "Ada", "age": 36}\n```', "extracted"),
        ('Here it is:\n```\n{"name": "Ada", "age": 36}\n```\nAnything else?', "extracted"),
        ('Sure! {"name": "Ada", "age": 36} I hope that helps [1].', "extracted"),
        ("{'name': 'Ada', 'age': 36}", "syntax"),
        ('{"name": "Ada", "age": 36,}', "syntax"),
        ('{name: "Ada", age: 36} // done', "syntax"),
        ('{"age": 36, "name": "Ada"', "closed"),
        ('{"name": "Ada", "age": "36"}', "values"),
        ('{"name": "Ada", "age": 36, "kind": null}', "values"),
        ('{"name": "Ada", "age": 36, "kind": " Staff"}', "values"),
        ('{"name": "Eve", "name": "Ada", "age": 36}', "duplicates"),
    ],
    ids=[
        "fence", "fence between words", "between words", "quotes", "comma", "keys", "cut", "number", "null", "case",
        "twice",
    ],
)  # fmt: skip
async def test_what_can_be_mended_without_guessing_is(text: str, mended: str) -> None:
    result = await looked(text)
    assert result.status == "triggered"
    assert mended in result.detail["mended"]
    said = json.loads(result.repaired)
    assert said == {**GOOD, **({"kind": "staff"} if " Staff" in text else {})}
    plain = await looked(text, repair=False)
    assert plain.repaired is None
    assert plain.status == "triggered"


async def test_the_correction_says_where_what_was_expected_and_what_came() -> None:
    result = await looked('{"name": 7.5, "age": -1, "kind": "boss", "more": 1, "tags": ["a", {"b": 1}]}')
    assert result.repaired is None
    told = result.correction.splitlines()
    assert "- /name: expected string, but it is 7.5" in told
    assert "- /age: expected at least 0, but it is -1" in told
    assert '- /kind: expected one of ["staff", "guest"], but it is "boss"' in told
    assert '- /tags/1: expected string, but it is {"b": 1}' in told
    assert any("no other keys" in line and '"more"' in line for line in told)
    assert "boss" not in result.reason
    missing = await looked("{}")
    assert '- the answer: expected the key "age", but it is not there' in missing.correction.splitlines()


@pytest.mark.parametrize("text", ['{"age": 36, "name": "Ad', '{"name": "Ada", "age": 3', '{"name": "Ada", "age": 3,'])
async def test_what_was_cut_off_is_lost_and_asked_for_again(text: str) -> None:
    result = await looked(text)
    assert result.repaired is None
    assert "- the answer: expected all of it, but it is cut off" in result.correction.splitlines()
    kept = (await looked(text, keep_cut=True)).repaired
    assert (kept is None) == text.endswith("3")


async def test_what_is_missing_is_never_made_up() -> None:
    result = await looked('{"name": "Ada"')
    assert result.repaired is None
    assert [one["rule"] for one in result.detail["problems"]] == ["json", "required"]
    assert "36" not in result.correction


async def test_of_several_objects_the_one_that_has_the_form_is_taken() -> None:
    result = await looked('{"thought": "who?"}\n{"name": "Ada", "age": 36}\n')
    assert json.loads(result.repaired) == GOOD


async def test_the_schema_of_the_request_holds_where_the_guard_has_none() -> None:
    guard = JsonSchema()
    assert (await guard.check(Subject("{}", "output"))).status == "skipped"
    assert (await guard.check(Subject("{}", "output", schema=PERSON))).status == "triggered"
    assert (await guard.check(Subject("{}", "output", schema={"type": "object"}))).status == "passed"
    assert (await guard.check(Subject("{}", "output", schema={"type": 7}))).status == "failed"


@pytest.mark.parametrize(
    "schema",
    [{"type": "objekt"}, {"$ref": "http://127.0.0.1:1/schema.json"}, {"$ref": "file:///etc/passwd"}, {"pattern": "("}],
    ids=["type", "http", "file", "pattern"],
)
def test_a_wrong_schema_is_refused_and_nothing_is_fetched(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"json_schema\.schema"):
        JsonSchema(schema=schema)


async def test_of_several_forms_the_nearest_says_what_is_wrong() -> None:
    either = {"anyOf": [{"type": "string"}, PERSON]}
    result = await JsonSchema(schema=either).check(Subject('{"name": "Ada", "age": true}', "output"))
    assert "- /age: expected integer, but it is true" in result.correction.splitlines()
