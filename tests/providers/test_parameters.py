"""Reading of what a request asks for beside its messages."""

from typing import Any

import pytest

from pilothouse import errors
from pilothouse.providers.parameters import (
    effort_of,
    format_of,
    native_fields,
    refuse,
    stops_of,
    tools_of,
    with_native,
)
from pilothouse.types import Json

F = {"type": "function", "function": {"name": "f"}}


def test_native_fields_are_those_that_are_not_openais() -> None:
    body = {"model": "m", "messages": [], "store": True, "user": "u", "safetySettings": [1], "top_k": 3}
    assert native_fields(body) == {"safetySettings": [1], "top_k": 3}


def test_native_fields_win_and_named_objects_are_merged() -> None:
    out = {"config": {"a": 1, "b": 2}, "thinking": {"a": 1}, "empty": {}, "none": None, "zero": 0, "list": []}
    own = {"config": {"b": 3}, "thinking": {"b": 2}, "new": {"x": 1}}
    assert with_native(out, own, frozenset({"config", "new"})) == {
        "config": {"a": 1, "b": 3},
        "thinking": {"b": 2},
        "zero": 0,
        "new": {"x": 1},
    }
    assert with_native({"config": {"a": 1}}, {"config": 5}, frozenset({"config"})) == {"config": 5}


@pytest.mark.parametrize(
    "field",
    [
        {"n": 2}, {"n": 0}, {"logprobs": True}, {"top_logprobs": 3}, {"audio": {"voice": "x"}},
        {"logit_bias": {"1": 2}}, {"modalities": ["text", "audio"]}, {"modalities": 5}, {"functions": [F]},
        {"function_call": "auto"}, {"web_search_options": {"x": 1}}, {"extra": 0.5},
    ],
)  # fmt: skip
def test_what_would_change_the_answer_is_refused(field: Json) -> None:
    with pytest.raises(errors.Unsupported, match="Acme has no") as caught:
        refuse(field, "Acme", "extra")
    assert caught.value.param == next(iter(field))


def test_what_changes_nothing_is_not() -> None:
    body = {"n": 1, "logprobs": False, "logit_bias": {}, "modalities": ["text"], "functions": [], "extra": 0, "x": 9}
    refuse(body, "Acme", "extra")
    refuse({}, "Acme", "extra")


def test_tools() -> None:
    tools = tools_of({"tools": [F, {"googleSearch": {}}], "tool_choice": "required", "parallel_tool_calls": False})
    assert [function.name for function in tools.functions] == ["f"]
    assert tools.native == [{"googleSearch": {}}]
    assert (tools.choice, tools.name, tools.parallel) == ("required", None, False)
    assert tools_of({"tools": None}) == tools_of({})


def test_allowed_tools() -> None:
    g = {"type": "function", "function": {"name": "g"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [g]}}
    tools = tools_of({"tools": [F, g], "tool_choice": choice})
    assert ([function.name for function in tools.functions], tools.choice) == (["g"], "auto")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": 5}, "tools"),
        ({"tools": [5]}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [F, {"type": "function", "function": {"name": 5}}]}, "tools[1]"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0]"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": ["auto"]}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "never", "tools": []}}}, "tool_choice"),
    ],
)
def test_malformed_tools_are_named(body: Json, param: str) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        tools_of(body)
    assert caught.value.param == param


def test_response_formats() -> None:
    assert format_of({}) is None
    assert format_of({"response_format": {"type": "text"}}) is None
    loose = format_of({"response_format": {"type": "json_object"}})
    assert loose is not None
    assert loose.schema is None
    schema = {"name": "x", "schema": {"type": "object"}, "strict": True}
    strict = format_of({"response_format": {"type": "json_schema", "json_schema": schema}})
    assert strict is not None
    assert (strict.schema, strict.name, strict.strict) == ({"type": "object"}, "x", True)


@pytest.mark.parametrize(
    "wanted",
    ["json", {}, {"type": "xml"}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": {"name": 1}}],
)
def test_malformed_response_formats_are_named(wanted: Any) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        format_of({"response_format": wanted})
    assert caught.value.param == "response_format"


def test_stops_and_effort() -> None:
    assert stops_of({"stop": "A"}) == ["A"]
    assert stops_of({"stop": ["A", "B"]}) == ["A", "B"]
    assert stops_of({"stop": None}) == stops_of({}) == []
    assert effort_of({}) is None
    assert effort_of({"reasoning_effort": "xhigh"}) == "xhigh"
    with pytest.raises(errors.InvalidRequest) as caught:
        effort_of({"reasoning_effort": "a lot"})
    assert caught.value.param == "reasoning_effort"
