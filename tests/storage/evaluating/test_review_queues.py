"""Queues of review: made, found, changed within bounds, archived, and due to be filled."""

from dataclasses import replace

import msgspec
import pytest

from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.storage import Store
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings, ReviewQueues

from ..conftest import Clock

ONE = QueueSettings(criteria=(Criterion("clear", "Easy to read."),), instructions="Read all of it.")


def test_a_queue_is_found_by_name_and_id_in_its_project_alone(store: Store, clock: Clock) -> None:
    queues = ReviewQueues(store, clock)
    made = queues.create("default", "support", "likert", ONE)
    other = queues.create("default", "bots", "pairwise", replace_rules(ONE, ({"why": "random"},)))
    assert queues.get("default", "support") == queues.get("default", made.id) == made
    assert (made.settings, made.criteria, made.filled_us) == (ONE, ("clear",), 0)
    page = queues.list("default", limit=1)
    assert (page.queues, page.next) == ([other], "bots")
    assert queues.list("default", after="bots").queues == [made]
    for project, name in (("far", "support"), ("default", "other"), ("default", "\0")):
        with pytest.raises(NotFound):
            queues.get(project, name)
    with pytest.raises(Conflict, match="a queue 'support' already"):
        queues.create("default", "support", "likert", ONE)
    archived = queues.archive("default", made)
    assert archived.archived_us == clock.now
    assert queues.list("default").queues == [other]
    assert queues.list("default", archived=True).queues == [archived]


def test_settings_change_but_the_criteria_stay(store: Store, clock: Clock) -> None:
    queues = ReviewQueues(store, clock)
    made = queues.create("default", "support", "likert", ONE)
    changed = queues.change("default", made, msgspec.structs.replace(ONE, annotators=3, dataset="golden"))
    assert (changed.settings.annotators, changed.settings.dataset) == (3, "golden")
    renamed = msgspec.structs.replace(ONE, criteria=(Criterion("short"),))
    with pytest.raises(InvalidRequest, match="criteria of a queue stay"):
        queues.change("default", made, renamed)


@pytest.mark.parametrize(
    ("name", "settings", "param"),
    [
        ("", ONE, "name"), ("a/b", ONE, "name"), ("x" * 129, ONE, "name"), ("q", QueueSettings(), "criteria"),
        ("q", QueueSettings(criteria=(Criterion("a"), Criterion("a"))), "criteria"),
        ("q", QueueSettings(criteria=(Criterion("<b>"),)), "criteria"),
        ("q", msgspec.structs.replace(ONE, annotators=0), "annotators"),
        ("q", msgspec.structs.replace(ONE, spread=5), "spread"),
        ("q", msgspec.structs.replace(ONE, lease_s=1), "lease_s"),
        ("q", msgspec.structs.replace(ONE, every_s=1), "every_s"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(sqlite_store: Store, name: str, settings: QueueSettings, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ReviewQueues(sqlite_store).create("default", name, "likert", settings)
    assert refused.value.param == param


def test_queues_with_rules_are_due_when_their_time_has_come(store: Store, clock: Clock) -> None:
    queues = ReviewQueues(store, clock)
    queues.create("default", "by hand", "likert", ONE)
    rules = replace_rules(ONE, ({"why": "random", "share": 0.1},))
    made = queues.create("far", "by rule", "likert", rules)
    assert queues.due() == [("far", made)]
    queues.filled("far", made, {"random": 17})
    assert queues.due() == []
    clock.forward(3600)
    assert queues.due() == [("far", replace(made, filled_us=clock.now - 3_600_000_000, cursors={"random": 17}))]
    queues.archive("far", made)
    assert queues.due() == []


def replace_rules(settings: QueueSettings, rules: tuple[dict[str, object], ...]) -> QueueSettings:
    return msgspec.structs.replace(settings, rules=rules)
