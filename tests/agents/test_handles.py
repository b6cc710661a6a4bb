from typing import Any

import pytest

from pilothouse.agents.handles import Handles
from pilothouse.agents.labels import DOCUMENT, USER, Label, Labelled
from pilothouse.errors import InvalidRequest


@pytest.fixture
def handles() -> Handles:
    made = Handles()
    made.hold(Labelled({"mails": [{"from": "eve"}, "{{r2}}"], "$ref": "r2"}, DOCUMENT))
    made.hold(Labelled("secret", Label.untrusted("tool:vault")))
    return made


def test_a_handle_is_filled_once_and_its_label_joins(handles: Handles) -> None:
    filled, labels = handles.filled(
        {"a": [{"$ref": "r1"}], "b": "r1", "c": {"$ref": "r1", "at": ["mails", 0, "from"]}}, USER
    )
    assert filled == {"a": [{"mails": [{"from": "eve"}, "{{r2}}"], "$ref": "r2"}], "b": "r1", "c": "eve"}
    assert labels == {"a": USER | DOCUMENT, "b": USER, "c": USER | DOCUMENT}
    told = handles.written("See {{r1}}, not {{r9}}.", USER)
    assert told.value == 'See {"mails": [{"from": "eve"}, "{{r2}}"], "$ref": "r2"}, not {{r9}}.'
    assert told.label == USER | DOCUMENT


@pytest.mark.parametrize(
    "given",
    [
        {"$ref": "r3"}, {"$ref": 1}, {"$ref": ["r1"]}, {"$ref": "r1", "at": "mails"}, {"$ref": "r1", "at": ["none"]},
        {"$ref": "r1", "at": ["mails", 9]}, {"$ref": "r1", "at": ["mails", True]}, {"$ref": "r2", "at": [0]},
        {"$ref": "r1", "more": 1}, {"deep": [{"$ref": "r0"}]},
    ],
)  # fmt: skip
def test_what_a_handle_does_not_hold_is_refused(handles: Handles, given: Any) -> None:
    with pytest.raises(InvalidRequest):
        handles.filled({"a": given}, USER)
