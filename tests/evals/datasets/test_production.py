"""Items from traces: chosen by filter and sample, once each, and gone with their traces."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pilothouse.call import Span
from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets.production import Production, Sampling
from pilothouse.evals.traced import EVALUATION
from pilothouse.observe.listing import Filters
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.privacy.erasures import user_hash
from pilothouse.observe.scores import Score, Scores
from pilothouse.observe.topics.questions import Questions
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_erasing import DatasetErasing
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

P, AT = "default", 1_750_000_000_000_000
Write = Callable[[Iterable[Span]], None]


def asked(i: int, **changes: Any) -> Span:
    fields: dict[str, Any] = {
        "trace_id": f"t{i:02}", "id": f"s{i}", "project_id": P, "name": "chat", "kind": "llm", "start_us": AT + i,
        "end_us": AT + i + 5, "user_id": f"u{i % 2}", "feature": "search" if i == 3 else "chat",
        "input": {"messages": [{"role": "user", "content": f"question {i}"}]}, "output": {"text": f"answer {i}"},
    }  # fmt: skip
    return Span(**(fields | changes))


def test_traces_become_items_that_go_with_them(write: Write, store: Store) -> None:
    write([asked(i) for i in range(6)])
    write([asked(6, input=None, output=None), asked(7, status="error", error_code="timeout")])
    write([asked(8, request_id="eval_8"), asked(9, attributes={EVALUATION: "online"})])  # no production
    Scores(store).put(P, [Score(id="1", trace_id="t01", name="helpful", value=0.0)])
    datasets, production = Datasets(store), Production(store)
    made = datasets.create(P, "golden")
    hide = lambda item: replace(item, metadata={**item.metadata, "seen": True})  # noqa: E731
    built = production.add(P, made, Filters(feature="chat"), each=hide, author="ana")
    assert (built.found, built.chosen, built.unreadable, built.change.added) == (7, 7, 1, 6)
    item = datasets.items.get(P, "t01/s1")
    assert item.input == {"messages": [{"role": "user", "content": "question 1"}]}
    assert (item.source_trace, item.source_span, item.source_user) == ("t01", "s1", user_hash("u1"))
    assert item.expected is None
    assert item.metadata["output"] == {"text": "answer 1"}
    assert item.metadata["scores"][0]["name"] == "helpful"
    assert (item.metadata["name"], item.metadata["seen"]) == ("chat", True)
    assert "trace_id" not in item.metadata
    assert "u1" not in str(item.metadata)
    assert production.add(P, made, Filters(feature="chat"), each=hide).change.version == 1
    assert production.add(P, made, sampling=Sampling("newest", most=1), each=hide).change.unchanged == 1
    assert Erasing(store, [DatasetErasing(store)]).user(P, "u1").elsewhere == 3
    left = [item.source_trace for item in datasets.items.each(P, made.id, 1)]
    assert sorted(str(one) for one in left) == ["t00", "t02", "t04"]


def test_a_trace_that_is_deleted_while_it_is_read_leaves_no_item(write: Write, store: Store) -> None:
    write([asked(i) for i in range(3)])
    datasets = Datasets(store)
    made = datasets.create(P, "golden")

    def deleted(item: NewItem) -> NewItem:
        if item.source_trace == "t01":
            Erasing(store, [DatasetErasing(store)]).trace(P, "t01")
        return item

    built = Production(store).add(P, made, each=deleted)
    assert built.change.added == 3
    assert sorted(str(item.source_trace) for item in datasets.items.each(P, made.id, 1)) == ["t00", "t02"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_each_way_to_sample_takes_what_it_says(write: Write, store: Store) -> None:
    write([asked(i, **({"status": "error"} if i in (2, 9) else {})) for i in range(12)])
    production = Production(store)

    def chosen(*given: Any, vectors: Any = None, **more: Any) -> list[str]:
        rows, found = production.choose(P, sampling=Sampling(*given, **more), vectors=vectors and (lambda _: vectors))
        assert found == (12 if more.get("searched", 12) == 12 else more["searched"])
        return [row.trace_id for row in rows]

    assert chosen("newest", 12)[:2] == ["t11", "t10"]
    assert chosen("random", 4) == chosen("random", 4) != chosen("random", 4, seed=1)
    assert {*chosen("random", 4, searched=5)} < {f"t{i:02}" for i in range(7, 12)}
    assert {*chosen("failures", 2)} == {"t02", "t09"}
    assert "t03" in chosen("stratified", 2, by="feature")
    vectors = {f"t{i:02}": np.eye(3, dtype=np.float32)[i % 3] for i in range(6)}
    assert {int(one[1:]) % 3 for one in chosen("diverse", 3, vectors=vectors)} == {0, 1, 2}
    assert chosen("diverse", 3) == []
    Questions(store).put(P, "mini", [(one, AT, vector) for one, vector in vectors.items()])
    assert {int(one[1:]) % 3 for one in chosen("diverse", 3)} == {0, 1, 2}
    for wrong in (Sampling("stratified"), Sampling("stratified", by="input"), Sampling(most=0), Sampling("best")):  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest):
            production.choose(P, sampling=wrong)
