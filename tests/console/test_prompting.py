"""A version of a prompt as a form: what is shown says the same as what it was made from."""

from typing import Any

import pytest

from pilothouse.console.forms import Fields
from pilothouse.console.prompting import (
    MOST_ROWS,
    Line,
    as_json,
    as_text,
    draft_of,
    edited,
    fields_of,
    is_long,
    refilled,
    slots,
    stand_ins,
    values_of,
)  # fmt: skip
from pilothouse.errors import InvalidRequest
from pilothouse.prompts.content import content_of
from pilothouse.types import Json

from .site import HOSTILE

TEXT: Json = {
    "template": "Sum up {{ text }} in {{ n }} words.\n", "syntax": "jinja", "model": "fast",
    "params": {"temperature": 0.2}, "config": {"team": "Öl"},
    "variables": {
        "text": {"untrusted": True, "max_chars": 4000, "description": "What the user sent"},
        "n": {"type": "integer", "default": 20}, "tone": {"enum": ["calm", "warm"], "default": "calm"},
        "empty": {"default": ""}, "odd": {"enum": ["a,b", "[c]"]}, "maybe": {"type": "boolean", "default": False},
        "rows": {"type": "list", "default": [1, {"a": None}]}, "sizes": {"type": "number", "enum": [0.5, 2]},
    },
}  # fmt: skip
CHAT: Json = {
    "type": "chat", "syntax": "mustache", "tools": [{"type": "function", "function": {"name": "find"}}],
    "response_format": {"type": "json_object"}, "examples": [{"input": "a", "output": "b"}], "guards": ["pii"],
    "template": [
        {"role": "system", "content": "You are {{who}}.\n  Indented."},
        {"placeholder": "before"},
        {"role": "user", "content": [{"type": "text", "text": "{{question}}"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "user", "content": HOSTILE.replace("\0", "")},
    ],
    "variables": {"before": {"type": "messages"}},
}  # fmt: skip


@pytest.mark.parametrize("given", [TEXT, CHAT], ids=["text", "chat"])
def test_a_form_says_the_content_that_it_was_made_from(given: Json) -> None:
    content = content_of(given)
    form = fields_of(content.to_json())
    assert content_of(as_text(draft_of(form))) == content
    assert content_of(as_text(draft_of(refilled(form, draft_of(form))))).hash == content.hash
    assert as_json(content.to_json()).raw("whole").startswith("{")


def test_line_ends_of_browsers_are_those_of_models() -> None:
    form = Fields({"type": ["text"], "text": ["a\r\nb\r\n"]})
    assert as_text(draft_of(form))["template"] == "a\nb\n"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"params": ["{"]}, "params: this is no JSON"),
        ({"response_format": ["[" * 100_000]}, "response format: this is no JSON"),
        ({"type": ["chat"], "role": ["json"], "said": ["{'role'}"]}, "message 1: this is no JSON"),
    ],
    ids=["params", "deep", "message"],
)
def test_what_cannot_be_read_is_told_by_its_field(fields: dict[str, list[str]], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        as_text(draft_of(Fields({"type": ["text"], "text": ["x"], **fields})))


def test_the_buttons_of_a_form() -> None:
    draft = draft_of(fields_of(CHAT))
    added = edited(draft, "add")
    assert (len(added.lines), added.lines[-1].role) == (6, "assistant")
    assert edited(draft, "drop-1").lines == [draft.lines[0], *draft.lines[2:]]
    assert edited(draft, "up-1").lines[:2] == [draft.lines[1], draft.lines[0]]
    for odd in ("up-0", "drop-99", "drop-", "drop-x", "up-9999999", "nothing"):
        assert edited(draft, odd).lines == draft.lines
    assert [row["name"] for row in edited(draft, "found", ["who", "before"]).rows] == ["before", "who"]
    assert edited(draft, "variable").rows[-1]["name"] == ""
    text = draft_of(fields_of(TEXT).also(type="chat"))
    assert edited(text, "switch").lines == [Line("user", TEXT["template"])]
    assert edited(draft_of(fields_of(CHAT).also(type="text")), "switch").text.startswith("You are {{who}}.")


def test_values_are_read_by_their_type_and_stand_ins_take_the_place_of_what_is_missing() -> None:
    content = content_of({"template": "", "variables": {
        "text": {}, "n": {"type": "integer"}, "share": {"type": "number"}, "sure": {"type": "boolean"},
        "rows": {"type": "list"}, "tone": {"enum": ["calm", "warm"]}, "kept": {"default": "x"},
    }})  # fmt: skip
    given = {"text": " a\r\nb ", "n": "3", "share": "0.5", "sure": "true", "rows": "[1]", "tone": "warm", "kept": ""}
    found = slots(content.variables, Fields({f"value_{name}": [text] for name, text in given.items()}))
    assert values_of(found) == {"text": " a\nb ", "n": 3, "share": 0.5, "sure": True, "rows": [1], "tone": "warm"}
    assert stand_ins(found) == {}
    assert stand_ins(slots(content.variables, Fields())) == {
        "text": "‹text›", "n": 0, "share": 0, "sure": False, "rows": [], "tone": "calm"
    }  # fmt: skip
    assert [slot.choices for slot in found if slot.choices] == [["true", "false"], ["calm", "warm"]]


@pytest.mark.parametrize(
    ("name", "text"), [("n", "three"), ("n", "9" * 5000), ("rows", "{]")], ids=["word", "huge", "json"]
)
def test_a_value_that_is_none_of_its_type_is_told_by_its_name(name: str, text: str) -> None:
    content = content_of({"template": "", "variables": {"n": {"type": "integer"}, "rows": {"type": "list"}}})
    with pytest.raises(InvalidRequest) as told:
        values_of(slots(content.variables, Fields({f"value_{name}": [text]})))
    assert told.value.param == name


@pytest.mark.parametrize("many", [MOST_ROWS, MOST_ROWS + 1])
def test_a_prompt_with_too_many_messages_is_edited_as_json(many: int) -> None:
    messages: list[Any] = [{"role": "user", "content": "a"}] * many
    assert is_long({"template": messages}) == (many > MOST_ROWS)
