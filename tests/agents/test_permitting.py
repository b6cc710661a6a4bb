"""The one rule, as a table."""

from typing import Any

import pytest

from pilothouse.agents.labels import DOCUMENT, SYSTEM, USER, Label
from pilothouse.agents.permitting import reasons
from pilothouse.agents.tools import Tool

OURS, DATA = SYSTEM | USER, (USER | DOCUMENT).as_data()
SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}, "body": {"type": "string"}}}


@pytest.mark.parametrize(
    ("severity", "trigger", "to", "body", "waits"),
    [
        ("read", OURS, OURS, OURS, 0),
        ("read", USER | DOCUMENT, OURS, DOCUMENT, 0),
        ("read", OURS, DOCUMENT, OURS, 1),
        ("write", OURS, OURS, DOCUMENT, 0),
        ("write", OURS, DATA, OURS, 1),
        ("write", DATA, OURS, OURS, 0),
        ("write", USER | DOCUMENT, OURS, OURS, 1),
        ("write", USER | DOCUMENT, USER | DOCUMENT, OURS, 2),
        ("destructive", OURS, OURS, OURS, 1),
        ("destructive", USER | DOCUMENT, DOCUMENT, DOCUMENT, 3),
    ],
)
def test_a_call_waits_for_what_sets_it_off_and_for_what_goes_into_it(
    severity: Any, trigger: Label, to: Label, body: Label, waits: int
) -> None:
    tool = Tool(name="t", description="", run=print, parameters=SCHEMA, severity=severity, plain=("body",))
    assert len(reasons(tool, {"to": to, "body": body}, trigger)) == waits


def test_a_reason_names_what_is_from_outside() -> None:
    tool = Tool(name="t", description="", run=print, parameters=SCHEMA)
    assert reasons(tool, {"to": OURS | Label.untrusted("tool:fetch")}, OURS) == [
        "The argument 'to' may come from outside (tool:fetch)."
    ]
    (told,) = reasons(tool, {}, Label.untrusted(*(f"tool:{n:030}" for n in range(50))))
    assert len(told) < 400
