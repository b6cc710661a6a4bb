"""The cases of two runs, matched."""

from pilothouse.evals.reports.pairing import match
from tests.evals.reports.conftest import Make


def test_ids_lead_where_any_is_the_same(make: Make) -> None:
    found = match(make("exact", [True, True], id=["a", "b"]), make("exact", [True, True], id=["b", "c"]))
    assert (found.by, found.changed) == ("id", 1)  # b was the second question, and is the first now


def test_an_input_asked_twice_matches_twice(make: Make) -> None:
    before = make("exact", [True, False, True], id=["a", "b", "c"], input="same")
    found = match(before, make("exact", [True, False], id=["x", "y"], input="same"))
    assert [one.case.id for one in found.before] == ["x", "y", "c"]
    assert found.by == "input"
