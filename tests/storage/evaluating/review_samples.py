"""Queues and items for the tests of human review."""

from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.review_seats import Mark
from pilothouse.storage.evaluating.reviews import Reviews

__all__ = ["P", "likert", "marks", "pairwise", "single", "twins"]

P = "default"


def likert(reviews: Reviews, name: str = "answers", *, annotators: int = 2, spread: int = 1) -> Queue:
    criteria = (Criterion("faithful", "Says what the context says."), Criterion("clear"))
    return reviews.queues.create(
        P, name, "likert", QueueSettings(criteria=criteria, annotators=annotators, spread=spread)
    )


def pairwise(reviews: Reviews, name: str = "pairs", *, annotators: int = 1, spread: int = 1) -> Queue:
    settings = QueueSettings(criteria=(Criterion("better"),), annotators=annotators, spread=spread)
    return reviews.queues.create(P, name, "pairwise", settings)


def single(trace: str, user: str | None = None) -> NewReviewItem:
    return NewReviewItem(
        source=Source(trace_id=trace), input=f"question of {trace}", outputs=("answer",), traces=(trace,), user=user
    )


def twins(case: str, first: str = "run-a", second: str = "run-b") -> NewReviewItem:
    source = Source(run_id=first, other_run_id=second, case_id=case, trial=0)
    return NewReviewItem(source=source, input=case, outputs=("one", "two"), systems=("gpt-old", "gpt-new"))


def marks(faithful: int, clear: int = 3) -> dict[str, Mark]:
    return {"faithful": Mark(faithful), "clear": Mark(clear)}
