"""What differs between two JSON objects."""

from pilothouse.console.differing import Change, changes


def test_leaves_that_differ() -> None:
    before = {"name": "a", "limits": {"parallel": 1}, "budgets": [{"usd": "1"}], "models": ["x"], "same": {"b": [1]}}
    after = {
        "name": "a",
        "limits": {},
        "budgets": [{"usd": "2"}, {"tokens": 5}],
        "models": ["x", "y"],
        "same": {"b": [1]},
    }
    assert changes(before, after) == [
        Change("limits.parallel", 1, None), Change("budgets.0.usd", "1", "2"), Change("models", ["x"], ["x", "y"]),
        Change("budgets.1.tokens", None, 5),
    ]  # fmt: skip


def test_what_is_empty_counts_as_none() -> None:
    assert changes(None, {"name": "x", "models": [], "limits": {}, "note": ""}) == [Change("name", None, "x")]
    assert changes({"on": True}, None) == [Change("on", True, None)]
    assert changes(None, None) == []


def test_false_and_zero_are_values() -> None:
    assert changes({"cache": True, "n": 1}, {"cache": False, "n": 0}) == [
        Change("cache", True, False), Change("n", 1, 0),
    ]  # fmt: skip
