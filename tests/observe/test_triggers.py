"""Triggers of guards: counted by guard and by version, listed, marked by people, whatever database keeps them."""

from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.errors import NotFound
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.period import Period
from pilothouse.observe.triggers import Marked, Triggers, mark_name
from pilothouse.storage import Store

from .conftest import Write
from .making import full_span

AT = 1_700_000_000_000_000
HOUR = 3_600_000_000
ON = ["standard@1: pii", "standard@1: injection"]


def call(trace: str, **changes: Any) -> Span:
    """A call that two guards looked at."""
    return full_span(
        id=f"{trace}-call", trace_id=trace, parent_id=None, start_us=AT, attributes={"guards_on": ON}, **changes
    )


def found(trace: str, guard: str = "pii", status: str = "triggered", number: int = 0) -> Span:
    about = {
        "guard": guard, "guard_status": status, "guard_stage": "input", "guard_action": "block", "guard_score": 0.75,
        "guard_policy": "standard", "guard_version": "standard@1", "guard_reason": "It holds one.",
        "guard_kinds": ["email"],
    }  # fmt: skip
    return Span(
        id=f"{trace}-{guard}-{number}", trace_id=trace, project_id="default", parent_id=f"{trace}-call", kind="guard",
        name=f"guard {guard}", start_us=AT + number, end_us=AT + number + 10, attributes=about,
    )  # fmt: skip


def sums(store: Store, dimension: str) -> dict[str, tuple[int, int, int]]:
    period = Period(AT - HOUR, AT + HOUR, "hour")
    told = Figures(store).by(dimension, period, sums=("requests", "failed", "call_errors"))
    return {value: (one.requests, one.failed, one.call_errors) for value, one in told.items()}


def test_a_guard_has_looked_at_a_call_once_and_triggered_once(write: Write, store: Store) -> None:
    spans = [
        call("a"), call("b"), call("c"), found("a"), found("a", number=1), found("b", "injection", "failed"),
    ]  # fmt: skip
    for span in (*spans[3:], *spans):  # late, out of order and twice
        write([span])
    assert sums(store, "guard") == {"pii": (3, 1, 0), "injection": (3, 0, 1)}
    assert sums(store, "guard_policy") == {"standard@1: pii": (3, 1, 0), "standard@1: injection": (3, 0, 1)}


def test_triggers_are_listed_and_marked(write: Write, store: Store) -> None:
    write([call("a"), found("a"), found("a", "injection", number=1), found("a", "length", "failed", 2)])
    triggers = Triggers(store)
    assert [one.guard for one in triggers.recent()] == ["injection", "pii"]
    assert [one.guard for one in triggers.recent(guard="pii")] == ["pii"]
    assert [one.guard for one in triggers.recent(limit=1)] == ["injection"]
    assert [one.guard for one in triggers.recent(before_us=AT + 1)] == ["pii"]
    (one,) = triggers.recent(guard="pii")
    assert (one.version, one.action, one.score, one.kinds, one.right) == ("standard@1", "block", 0.75, ("email",), None)

    assert triggers.mark("default", "a", one.span_id, False, author="ada", comment="a test address").right is False
    assert triggers.recent(guard="pii")[0].right is False
    triggers.mark("default", "a", one.span_id, True, author="ada")
    assert [*triggers.marked("default", "pii")] == [Marked(0.75, True)]
    assert [*triggers.marked("default", "injection")] == []
    told = Figures(store).scores(Period(AT - HOUR, AT + HOUR, "hour"))
    assert told["", mark_name("pii")].mean == 1.0


@pytest.mark.parametrize("span", ["a-length-2", "a-call", "nobody", "\x00"])
def test_what_is_no_trigger_is_not_marked(write: Write, store: Store, span: str) -> None:
    write([call("a"), found("a", "length", "failed", 2)])
    with pytest.raises(NotFound):
        Triggers(store).mark("default", "a", span, True)
