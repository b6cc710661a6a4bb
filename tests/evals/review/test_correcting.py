"""Corrections become items of a dataset, with the trace that they came of."""

import pytest

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.review.correcting import Correcting
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_erasing import DatasetErasing
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews

P = "default"


def test_a_correction_is_an_item_and_a_second_one_takes_its_place(sqlite_store: Store) -> None:
    reviews, datasets, correcting = Reviews(sqlite_store), Datasets(sqlite_store), Correcting(sqlite_store)
    queue = reviews.queues.create(P, "support", "likert", QueueSettings(criteria=(Criterion("clear"),)))
    made = NewReviewItem(
        source=Source(trace_id="t1"), input="How high?", outputs=("No idea.",), context=("97 m.",), traces=("t1",),
        user="hashed",
    )  # fmt: skip
    reviews.items.add(P, queue, [made])
    (item,) = reviews.items.each(P, queue)
    with pytest.raises(InvalidRequest):
        correcting.correct(P, queue, item.id, "ada", " ")
    with pytest.raises(NotFound):
        datasets.get(P, "support-corrections")
    correcting.correct(P, queue, item.id, "ada", "98 m.")
    kept = correcting.correct(P, queue, item.id, "bob", "97 m.")
    dataset = datasets.get(P, "support-corrections")
    assert (kept.dataset_id, dataset.version) == (dataset.id, 2)
    (corrected,) = datasets.items.page(P, dataset.id, 2).items
    assert (corrected.key, corrected.input, corrected.expected) == (kept.item_key, "How high?", "97 m.")
    assert (corrected.source_trace, corrected.source_user, corrected.context) == ("t1", "hashed", ("97 m.",))
    assert corrected.metadata["output"] == "No idea."
    assert corrected.metadata["review"] == {"queue": "support", "item": item.id, "annotator": "bob"}
    assert [one.text for one in reviews.corrections(P, queue)] == ["98 m.", "97 m."]
    assert DatasetErasing(sqlite_store).forget_traces(P, ["t1"]) == 2
