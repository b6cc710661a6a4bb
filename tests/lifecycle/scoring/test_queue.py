"""Traces are queued as their spans are written, wait until they are quiet, and are taken once, over either database."""

from collections.abc import Sequence

import pytest

from pilothouse.call import Span
from pilothouse.lifecycle.scoring.queue import Queue
from pilothouse.observe.rows import to_row
from pilothouse.scoring import OnlineRule
from pilothouse.storage import Store, writing

from ..conftest import ask

SECOND = 1_000_000
RULES = {
    "all": OnlineRule.model_validate({"share": 1, "evaluators": ["refusal"], "delay": 10}),
    "fast": OnlineRule.model_validate({"share": 1, "evaluators": ["refusal"], "when": {"models": ["fast"]}}),
}


class Line:
    """A queue with a clock to turn."""

    def __init__(self, store: Store) -> None:
        self.now, self.store, self.rules = 1_000 * SECOND, store, dict(RULES)
        self.queue = Queue(store.observe, lambda: self.rules, lambda: self.now)

    def arrive(self, *spans: Span) -> None:
        with writing(self.store.observe) as connection:
            self.queue.put(connection, [to_row(span) for span in spans])

    def due(self, rule: str = "all", most: int = 10) -> Sequence[str]:
        return [one.trace_id for one in self.queue.due(rule, most)]


@pytest.fixture
def line(store: Store) -> Line:
    return Line(store)


def test_a_trace_waits_until_it_is_quiet_and_late_spans_put_it_off(line: Line) -> None:
    line.arrive(ask(0, trace_id="a"), ask(1, trace_id="b", request_model="slow"))
    line.now += 9 * SECOND
    line.arrive(ask(9, trace_id="a"))
    line.now += SECOND
    assert (line.due(), line.due("fast")) == (["b"], [])
    line.now += 9 * SECOND
    assert (line.due(), line.due("fast")) == (["b", "a"], ["a"])
    assert line.due(most=1) == ["b"]
    assert line.queue.waiting() == {("default", "all"): 2, ("default", "fast"): 1}


def test_one_that_never_is_quiet_comes_up_all_the_same(line: Line) -> None:
    for _ in range(120):
        line.arrive(ask(0, trace_id="a"))
        line.now += 9 * SECOND
    assert line.due() == ["a"]


def test_what_is_done_does_not_come_back_with_a_late_span(line: Line) -> None:
    line.arrive(ask(0, trace_id="a"))
    line.now += 10 * SECOND
    (one,) = line.queue.due("all", 10)
    line.queue.done(one)
    line.arrive(ask(1, trace_id="a"))
    line.now += 10 * SECOND
    assert line.due() == []


def test_what_is_tried_again_is_not_put_off_by_spans(line: Line) -> None:
    line.arrive(ask(0, trace_id="a"))
    line.now += 10 * SECOND
    (one,) = line.queue.due("all", 10)
    line.queue.again(one, 30, 1)
    line.arrive(ask(1, trace_id="a"))
    line.now += 29 * SECOND
    assert line.due() == []
    line.now += SECOND
    assert [found.tries for found in line.queue.due("all", 10)] == [1]


def test_the_oldest_are_given_up_where_too_many_wait(line: Line) -> None:
    for n in range(4):
        line.arrive(ask(n, trace_id=f"t{n}"))
        line.now += SECOND
    assert sorted(one.trace_id for one in line.queue.drop_beyond("all", 2)) == ["t0", "t1"]
    line.now += 10 * SECOND
    assert line.due() == ["t2", "t3"]
    assert line.queue.drop_beyond("all", 2) == []


def test_what_is_over_is_forgotten(line: Line) -> None:
    line.arrive(ask(0, trace_id="a"), ask(0, trace_id="b"))
    line.now += 10 * SECOND
    line.queue.done(line.queue.due("all", 1)[0])
    line.now += 3 * 86_400 * SECOND
    line.queue.forget(["all"])
    assert line.queue.waiting() == {("default", "all"): 1}
    line.arrive(ask(1, trace_id="a"))
    assert line.queue.waiting()["default", "all"] == 2, "so long after, it is another story"


def test_without_rules_nothing_is_done(line: Line) -> None:
    line.rules = {}
    line.arrive(ask(0))
    assert line.queue.waiting() == {}
