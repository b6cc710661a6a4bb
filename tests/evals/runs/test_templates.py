"""Templates: places are filled from the case, braces that are none stay, what a case lacks is said."""

from typing import Any

import pytest

from pilothouse.evals.runs.templates import Unfilled, check_template, fill, messages_of
from pilothouse.evals.shapes import Case

CASE = Case(
    id="1", input={"question": "Why?", "n": [1, {"x": 2}]}, context=("A.", "B."), metadata={"topic": "tea", "of-x": 1}
)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{input.question}", "Why?"),
        ("{input.n.1.x} {metadata.topic} {metadata.of-x}", "2 tea 1"),
        ("{context}", "A.\n\nB."),
        ("{context.1}", "B."),
        ('{"a": 1} {{input}} { input }', '{"a": 1} {input} { input }'),
        ("{input.n}", '[1, {"x": 2}]'),
    ],
)
def test_places_are_filled(template: str, filled: str) -> None:
    assert fill({"role": "user", "content": [{"text": template, "n": 1}]}, CASE)["content"] == [
        {"text": filled, "n": 1}
    ]


@pytest.mark.parametrize("template", ["{input.who}", "{input.n.7}", "{metadata.who}", "{context.x}"])
def test_what_a_case_lacks_is_said(template: str) -> None:
    with pytest.raises(Unfilled, match="The case has no"):
        fill(template, CASE)


def test_a_name_that_is_none_is_found_before() -> None:
    assert "there is no {inptu}" in str(check_template({"role": "user", "content": "{inptu}"}))
    assert check_template({"role": "user", "content": "{input} {{inptu}} {'inptu'}"}) is None
    assert check_template("text") is not None


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("Why?", [{"role": "user", "content": "Why?"}]),
        ([{"role": "user", "content": "a"}], [{"role": "user", "content": "a"}]),
        ({"messages": [{"role": "user", "content": "a"}]}, [{"role": "user", "content": "a"}]),
        ({"q": 1}, [{"role": "user", "content": '{"q": 1}'}]),
        (["a"], [{"role": "user", "content": '["a"]'}]),
    ],
)
def test_without_templates_the_input_is_asked(given: Any, asked: Any) -> None:
    assert messages_of(Case(id="1", input=given), None) == asked
