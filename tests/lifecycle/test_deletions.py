"""Deleting a user or a trace reaches the items of datasets and reviews, and the log says how many."""

from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from pilothouse.access import Actor, Audit
from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.lifecycle.deletions import DELETED, Deletions
from pilothouse.observe.privacy.erasures import user_hash
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.storage.tables import traces

TRACE: dict[str, Any] = {
    "project_id": "default", "root_id": "s", "name": "chat", "kind": "llm", "start_us": 1, "duration_us": 1,
    "status": "ok", "tags": "[]", "source": "gateway", "spans": 1, "errors": 0, "input_tokens": 0, "output_tokens": 0,
    "cost_known": True,
}  # fmt: skip


def test_items_of_datasets_and_reviews_go_with_what_they_came_from(tmp_path: Path) -> None:
    store, by = open_store(Settings(home=tmp_path)), Actor("ana", "cli")
    datasets, deletions = Datasets(store), Deletions(store)
    made = datasets.create("default", "golden")
    old = NewItem(input="of a trace that was too old to keep", source_trace="t1", source_user=user_hash("ada"))
    datasets.change("default", made, [old, NewItem(input="a", source_trace="t2"), NewItem(input="b")])
    reviews = Reviews(store)
    queue = reviews.queues.create("default", "q", "likert", QueueSettings(criteria=(Criterion("clear"),)))
    reviewed = [
        NewReviewItem(input=trace, outputs=("x",), source=Source(trace), traces=(trace,), user=user)
        for trace, user in (("t1", user_hash("ada")), ("t3", None))
    ]
    reviews.items.add("default", queue, reviewed)
    assert deletions.user(by, "default", "ada").elsewhere == 2
    assert [item.input for item in reviews.items.each("default", queue)] == ["t3"]
    assert deletions.trace(by, "default", "t2").elsewhere == 1
    assert [item.input for item in datasets.items.each("default", made.id, 1)] == ["b"]
    logged = [entry for entry in Audit(store.control).list("default") if entry.action == DELETED]
    assert [entry.after and entry.after["elsewhere"] for entry in logged] == [1, 2]
    store.close()


def test_what_runs_made_of_a_case_goes_with_its_traces(tmp_path: Path) -> None:
    store, by = open_store(Settings(home=tmp_path)), Actor("ana", "cli")
    names = ("of-ada", "asked", "judged", "asked-of-that", "another")
    with store.observe.begin() as connection:
        rows = [{**TRACE, "trace_id": name, "user_id": "ada" if name == "of-ada" else None} for name in names]
        connection.execute(insert(traces), rows)
    runs = EvalRuns(store)
    run = runs.create("default", name="r", suite="s", subject={}, plan={}, plan_hash="")
    verdict = Verdict.ok("judge", 1.0, trace_id="judged")
    sources = {"source_trace": "of-ada", "source_user": user_hash("ada")}
    first = Outcome(case=Case(id="a", input="x", metadata=sources, trace_id="asked"), verdicts=(verdict,))
    second = Outcome(case=Case(id="b", input="x", metadata={"source_trace": "asked"}, trace_id="asked-of-that"))
    runs.put("default", run.id, [first, second, Outcome(case=Case(id="c", input="x", trace_id="another"))])
    erased = Deletions(store).user(by, "default", "ada")
    assert (erased.traces, erased.elsewhere) == (4, 2)
    with store.observe.connect() as connection:
        assert connection.execute(select(traces.c.trace_id)).scalars().all() == ["another"]
    assert runs.done("default", run.id) == {("c", 0)}
    store.close()
