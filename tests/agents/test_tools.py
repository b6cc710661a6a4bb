import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from pilothouse.agents.tools import Tool, tool
from pilothouse.errors import ConfigError

NAMED = {"type": "object", "properties": {"to": {"type": "string"}, "body": {}}, "required": ["to"]}


def test_a_function_is_a_tool_by_its_signature() -> None:
    @tool(severity="read", per_minute=3)
    def weather(city: Annotated[str, Field(max_length=5)], day: datetime.date, unit: Literal["C", "F"] = "C") -> str:
        """The weather of a city."""
        return city

    assert (weather.name, weather.description, weather.severity) == ("weather", "The weather of a city.", "read")
    assert weather.parameters["required"] == ["city", "day"]
    assert weather.faults({"city": "Bern", "day": "2026-01-01"}) == []
    (long,) = weather.faults({"city": "Zurich", "day": "2026-01-01"})
    assert long == 'city: "Zurich" is longer than 5 characters'
    assert "unit: " in weather.faults({"city": "Bern", "day": "2026-01-01", "unit": "K"})[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"to": 3}, ['to: 3 is not of type "string"']),
        ({}, ['"to" is a required property']),
        ({"to": "a", "cc": "b"}, ["cc: is no argument; there are: to, body"]),
        ([], ["the arguments must be a JSON object"]),
    ],
    ids=["type", "missing", "unknown", "list"],
)
def test_what_is_wrong_with_arguments_is_told_by_their_names(given: Any, told: list[str]) -> None:
    assert Tool(name="send", description="", run=print, parameters=NAMED).faults(given) == told


def test_arguments_are_sensitive_unless_said_otherwise() -> None:
    def sensitive(**about: Any) -> list[str]:
        made = Tool(name="t", description="", run=print, parameters=NAMED, **about)
        return [name for name in ("to", "body", "unknown") if made.is_sensitive(name)]

    assert sensitive(severity="read") == ["unknown"]
    assert sensitive(severity="write") == ["to", "body", "unknown"]
    assert sensitive(severity="write", plain=("body",)) == ["to", "unknown"]
    assert sensitive(severity="read", plain=()) == ["to", "body", "unknown"]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"name": "send mail"}, "name is 1 to 64 letters"),
        ({"severity": "harmless"}, "severity is one of read, write, destructive"),
        ({"parameters": {"type": "string"}}, "of the type object"),
        ({"parameters": {"type": "object", "properties": {"to": {"type": "strong"}}}}, "no usable JSON schema"),
        ({"parameters": {"type": "object", "$ref": "https://example.com/x.json"}}, "no usable JSON schema"),
        ({"plain": ["cc"]}, "names 'cc', which is no argument; there are: to, body"),
        ({"per_minute": 0}, "at least 1"),
    ],
    ids=["name", "severity", "type", "schema", "fetched", "plain", "rate"],
)
def test_a_wrong_tool_is_refused(about: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Tool(**{"name": "send", "description": "", "run": print, "parameters": NAMED, **about})


def test_a_function_whose_arguments_have_no_names_is_refused() -> None:
    def many(*things: str) -> None: ...

    with pytest.raises(ConfigError, match="'things' cannot be given by its name"):
        tool(many)
