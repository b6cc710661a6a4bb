"""Recorded calls come back in the order of time, each once."""

import random

import pytest

from pilothouse.lifecycle import traffic
from pilothouse.lifecycle.traffic import Traffic
from pilothouse.storage import Store

from .conftest import START, Write, ask


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_PAGE", 3)


@pytest.mark.usefixtures("small_pages")
def test_every_call_once_in_order_across_pages(store: Store, write: Write) -> None:
    """Roots of their own, calls below roots that last long, several roots of one trace, and one that is no call."""
    spans = [ask(i / 10) for i in range(10)]
    long = ask(0.05, kind="chain", id="root", trace_id="aa", end_us=START + 5_000_000)
    spans += [ask(at, id=f"child{at}", trace_id="aa", parent_id="root") for at in (0.06, 0.5, 0.93)]
    spans += [ask(at, id=f"shared{at}", trace_id="bb") for at in (0.15, 0.45, 0.95)]
    random.Random(1).shuffle(spans)
    write([*spans, long])
    found = list(Traffic(store).calls(START, START + 10_000_000))
    assert [s.start_us for s in found] == sorted(s.start_us for s in spans)
    assert {s.id for s in found} == {s.id for s in spans}
    assert all(s.input == ask(0).input for s in found)


@pytest.mark.usefixtures("small_pages")
def test_a_window_and_its_newest_part(store: Store, write: Write) -> None:
    write([ask(i) for i in range(8)])
    recorded = Traffic(store)
    some = list(recorded.calls(START + 2_000_000, START + 5_000_000, payload=False))
    assert [(s.start_us - START) // 1_000_000 for s in some] == [2, 3, 4]
    assert all(s.input is None for s in some)
    assert recorded.start_of(2, START, START + 60_000_000) == START + 6_000_000
    assert recorded.start_of(20, START, START + 60_000_000) == START


def test_shadow_traffic_and_what_was_passed_through_are_left_out(store: Store, write: Write) -> None:
    write([ask(0), ask(1, operation="pass_through"), ask(2, attributes={"shadow": True}), ask(3, operation=None)])
    found = list(Traffic(store).calls(START, START + 10_000_000))
    assert [(s.start_us - START) // 1_000_000 for s in found] == [0, 3]
