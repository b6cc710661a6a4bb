"""Queues fill by rule and by hand, nothing twice, and nothing of what was deleted."""

from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.review.filling import Filled, Filling
from pilothouse.evals.traced import EVALUATION
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.privacy.erasures import user_hash
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.storage.evaluating.review_erasing import ReviewErasing
from pilothouse.storage.evaluating.review_items import Source
from pilothouse.storage.evaluating.review_labels import Kind
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.types import Json

from .conftest import AT, Write, asked

P, HOUR = "default", 3_600_000_000


def queue_of(store: Store, kind: Kind = "likert", *rules: Json) -> Queue:
    settings = QueueSettings(criteria=(Criterion("clear"),), rules=rules)
    return Reviews(store).queues.create(P, f"q{len(rules)}", kind, settings)


def inputs(store: Store, queue: Queue) -> list[Any]:
    return [item.input for item in Reviews(store).items.each(P, queue)]


def test_rules_bring_what_is_new_and_nothing_twice(write: Write, store: Store) -> None:
    write([asked(i) for i in range(6)])
    write([asked(6, output=None)])
    rules: list[Json] = [{"why": "thumbs_down"}, {"why": "random", "share": 1.0, "most": 3}]
    queue = queue_of(store, "likert", *rules)
    down = {"trace_id": "t02", "name": "feedback", "kind": "boolean", "value": 0.0, "at_us": AT + 1}
    Scores(store).put(P, [Score(id="1", **down), Score(id="2", **{**down, "trace_id": "gone"})])
    clock = AT + HOUR
    filling = Filling(store, lambda: clock)
    assert filling.follow(P, queue) == Filled(4, 6, 2, [1, 3])
    items = [*Reviews(store).items.each(P, queue)]
    assert [(item.source, item.reason) for item in items] == [
        (Source("t02"), "feedback 0"), (Source("t05"), "random sample"), (Source("t04"), "random sample"),
        (Source("t03"), "random sample"),
    ]  # fmt: skip
    assert items[0].outputs == ("answer 2",)
    assert (items[0].traces, items[0].user) == (("t02",), user_hash("u0"))
    queue = Reviews(store).queues.get(P, queue.id)
    assert (queue.filled_us, {*queue.cursors.values()}) == (clock, {clock})
    clock += HOUR
    assert filling.follow(P, queue).added == 2, "what was left over, since the last hour is looked at again"
    clock += 2 * HOUR
    queue = Reviews(store).queues.get(P, queue.id)
    late = {"start_us": clock - 9, "end_us": clock, "user_id": None}
    write([asked(20, request_id="eval_1", **late), asked(21, attributes={EVALUATION: "judge"}, **late)])
    Erasing(store, [ReviewErasing(store)]).user(P, "u0")
    assert len(inputs(store, queue)) == 3
    assert filling.follow(P, queue) == Filled(0, 0, 0, [0, 0])
    write([asked(10, start_us=clock - 100, end_us=clock, user_id=None)])
    assert filling.follow(P, queue).added == 1


def test_traces_and_steps_by_hand(write: Write, store: Store) -> None:
    write([asked(1), asked(1, id="inner", parent_id="s1", input={"q": 1}, output={"text": "found"}), asked(2)])
    queue, filling = queue_of(store), Filling(store)
    assert filling.traces(P, queue, ["t01", "t01/inner", "t01/s1", "t01"]).added == 2
    assert [item.outputs[0] for item in Reviews(store).items.each(P, queue)] == ["answer 1", "found"]
    with pytest.raises(NotFound, match="no trace 'none'"):
        filling.traces(P, queue, ["t02", "none"])


def test_what_is_deleted_while_it_is_read_goes_again(write: Write, store: Store) -> None:
    write([asked(1), asked(2)])
    queue, filling = queue_of(store), Filling(store)
    item = filling._item

    def late(project: str, source: Source, reason: str) -> Any:
        made = item(project, source, reason)
        Erasing(store).trace(P, "t01")
        return made

    filling._item = late  # type: ignore[method-assign]
    assert filling.traces(P, queue, ["t01", "t02"]).added == 1
    assert inputs(store, queue) == [asked(2).input]


def test_a_run_and_two_runs_side_by_side(sqlite_store: Store) -> None:
    runs, filling = EvalRuns(sqlite_store), Filling(sqlite_store)
    made = [
        runs.create(P, name=name, suite="s", subject={}, plan={}, plan_hash="h").id for name in ("main", "new", "main")
    ]
    about = {"source_trace": "t9", "source_user": "hashed"}

    def outcome(case: str, output: str, *, passed: bool = True, error: str | None = None) -> Outcome:
        asked = Case(id=case, input=f"q {case}", output=output, expected="x", metadata=about, trace_id=f"made-{case}")
        return Outcome(case=asked, verdicts=() if error else (Verdict.ok("exact", passed=passed),), error=error)

    runs.put(P, made[0], [outcome(f"c{i}", f"old {i}", passed=i > 1) for i in range(6)])
    runs.put(P, made[1], [outcome(f"c{i}", f"new {i}" if i else "old 0") for i in range(5)])
    runs.put(P, made[1], [outcome("c4", "", error="It failed.")])
    points = queue_of(sqlite_store)
    assert filling.run(P, points, made[0], failing=True).added == 2
    assert filling.run(P, points, made[0], most=3, seed=5).found == 3
    assert filling.run(P, points, made[0]).found == 6
    assert len(inputs(sqlite_store, points)) == 6
    settings = QueueSettings(criteria=(Criterion("better"),))
    twins = Reviews(sqlite_store).queues.create(P, "pairs", "pairwise", settings)
    assert filling.pair(P, twins, made[0], made[1]) == Filled(3, 3, 0), "c0 is the same, c4 failed, c5 is missing"
    assert filling.pair(P, twins, made[1], made[0]).added == 0
    item = next(iter(Reviews(sqlite_store).items.each(P, twins)))
    assert (item.outputs, item.systems, item.source.parts["case_id"]) == (("old 1", "new 1"), ("main", "new"), "c1")
    assert (item.traces, item.user) == (("t9", "made-c1"), "hashed")
    runs.put(P, made[2], [outcome("c1", "third")])
    assert filling.pair(P, twins, made[0], made[2]).added == 1
    last = [*Reviews(sqlite_store).items.each(P, twins)][-1]
    assert last.systems == (f"main ({made[0]})", f"main ({made[2]})")
    with pytest.raises(InvalidRequest, match="Two different runs"):
        filling.pair(P, twins, "new", made[1])
    with pytest.raises(InvalidRequest, match="have one output"):
        filling.pair(P, points, made[0], made[1])


def test_items_are_given(sqlite_store: Store) -> None:
    queue, filling = queue_of(sqlite_store), Filling(sqlite_store)
    record = {"input": "Why?", "output": "So.", "context": "It is.", "expected": "x", "metadata": {"topic": "y"}}
    assert filling.given(P, queue, [record, record, {"input": 2, "output": "Two."}]).added == 2
    item = next(iter(Reviews(sqlite_store).items.each(P, queue)))
    assert (item.outputs, item.context, item.expected, item.metadata) == (("So.",), ("It is.",), "x", {"topic": "y"})
    wrong: list[tuple[Any, str]] = [
        (3, "is no JSON object"), ({"input": 1}, "needs `input`, and `output` or `outputs`"),
        ({"output": "x"}, "needs `input`"), ({"input": 1, "output": "x", "outputs": ["x"]}, "needs `input`"),
        ({"input": 1, "output": 5}, "`outputs` must be texts"),
        ({"input": 1, "output": "x", "odd": 1}, "`odd` is no field"),
        ({"input": 1, "output": "x", "metadata": 3}, "`metadata` must be a JSON object"),
    ]  # fmt: skip
    for given, said in wrong:
        with pytest.raises(InvalidRequest, match=r"^Item 2: ") as refused:
            filling.given(P, queue, [record, given])
        assert said in refused.value.message
    with pytest.raises(InvalidRequest, match="1 to 10,000 items"):
        filling.given(P, queue, [])


def test_rules_that_change_look_back_anew(write: Write, store: Store) -> None:
    write([asked(i) for i in range(3)])
    queue = queue_of(store, "likert", {"why": "random", "share": 1.0, "feature": "none"})
    filling = Filling(store, lambda: AT + 48 * HOUR)
    assert filling.follow(P, queue).added == 0
    queues = Reviews(store).queues
    rules = ({"why": "random", "share": 1.0},)
    queues.change(P, queue, msgspec.structs.replace(queue.settings, rules=rules))
    assert filling.follow(P, queues.get(P, queue.id)).added == 3
