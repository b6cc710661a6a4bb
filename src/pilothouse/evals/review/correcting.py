"""An expert's correction becomes an item of a dataset: what was asked, with what the answer should have been."""

from pilothouse.errors import NotFound
from pilothouse.observe.privacy.erasures import erased_traces
from pilothouse.storage.database import Store
from pilothouse.storage.evaluating.dataset_erasing import DatasetErasing
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.storage.evaluating.review_items import ReviewItem
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.reviews import Correction, Reviews

__all__ = ["Correcting"]


class Correcting:
    """Over a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reviews = Reviews(store)
        self._datasets = Datasets(store)

    def correct(self, project: str, queue: Queue, item_id: str, annotator: str, text: str) -> Correction:
        """Keep the correction, and put it into the queue's dataset, by default `<queue>-corrections`, which is made
        when it is first needed. Another correction of the same item takes its place there. Raises NotFound,
        InvalidRequest for an empty text, Conflict where the dataset is archived."""
        item = self._reviews.items.get(project, queue, item_id)
        self._reviews.check_correction(text)
        dataset = self._dataset(project, queue)
        made = _item(queue, item, annotator, text)
        self._datasets.change(project, dataset, [made], author=annotator, note=f"corrected in review '{queue.name}'")
        with self._store.observe.connect() as connection:
            gone = erased_traces(connection, project, item.traces)
        if gone:  # deleted meanwhile: whoever deletes them from now on finds the item by himself
            DatasetErasing(self._store).forget_traces(project, gone)
        return self._reviews.correct(
            project, queue, item_id, annotator, text, dataset_id=dataset.id, item_key=made.key
        )  # fmt: skip

    def _dataset(self, project: str, queue: Queue) -> Dataset:
        name = queue.settings.dataset or f"{queue.name}-corrections"
        try:
            return self._datasets.get(project, name)
        except NotFound:
            return self._datasets.create(project, name, description=f"Corrections of the review queue '{queue.name}'.")


def _item(queue: Queue, item: ReviewItem, annotator: str, text: str) -> NewItem:
    about = {"review": {"queue": queue.name, "item": item.id, "annotator": annotator}}
    output = item.outputs[0] if len(item.outputs) == 1 else [*item.outputs]
    of_run = {"run": item.source.run_id, "case": item.source.case_id} if item.source.run_id else {}
    return NewItem(
        input=item.input, expected=text, context=item.context, metadata={**about, **of_run, "output": output},
        source_trace=item.source.trace_id or next(iter(item.traces), None), source_span=item.source.span_id,
        source_user=item.user, key=f"review-{item.id}",
    )  # fmt: skip
