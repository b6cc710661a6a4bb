"""`/api/reviews`: queues for people to judge what models answered, their items, votes, and what comes of them.

Annotators get items one by one and vote; they see no more than that. See docs/review.md.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from pilothouse.api.caller import Caller, InProject
from pilothouse.api.evals.review_bodies import (
    Corrected,
    Fill,
    NewQueue,
    QueueChange,
    Seated,
    Voted,
    agreed_json,
    item_json,
    progress_json,
    queue_json,
)
from pilothouse.errors import InvalidRequest
from pilothouse.evals.review.agreement import agreed
from pilothouse.evals.review.annotators import annotator_of
from pilothouse.evals.review.blind import shown
from pilothouse.evals.review.correcting import Correcting
from pilothouse.evals.review.exporting import Form, What, as_lines, rows_of
from pilothouse.evals.review.filling import Filled, Filling
from pilothouse.evals.review.rules import read_rules
from pilothouse.storage import Store
from pilothouse.storage.evaluating.review_items import Status
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.review_seats import Seat
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.types import Json

__all__ = ["routes"]

_Limit = Annotated[int, Query(ge=1, le=500)]
_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}


def routes(store: Store) -> APIRouter:
    """The routes over the review queues of a store."""
    router = APIRouter(prefix="/api/reviews/queues", tags=["reviews"])
    reviews = Reviews(store)

    @router.get("")
    def list_queues(
        project: InProject, caller: Caller, archived: bool = False, limit: _Limit = 100, after: str | None = None
    ) -> Json:
        """By name; archived ones are a list of their own. Hand `next` back as `after`."""
        page = reviews.queues.list(project, after=after, limit=limit, archived=archived)
        whole = caller.may("read")
        return {"data": [queue_json(one, whole=whole) for one in page.queues], "next": page.next}

    @router.post("", status_code=201)
    def create_queue(body: NewQueue, project: InProject) -> Json:
        """A new, empty queue. 409 where there is one of that name."""
        settings = body.whole()
        read_rules(body.kind, settings.rules)
        return queue_json(reviews.queues.create(project, body.name, body.kind, settings), whole=True)

    @router.get("/{queue}")
    def get_queue(queue: str, project: InProject, caller: Caller) -> Json:
        """One queue, by its name or id."""
        return queue_json(reviews.queues.get(project, queue), whole=caller.may("read"))

    @router.patch("/{queue}")
    def change_queue(queue: str, body: QueueChange, project: InProject) -> Json:
        """Change what is set of it, or archive it: it then leaves the list, and nobody gets items of it."""
        found = reviews.queues.get(project, queue)
        settings = body.settings(found.settings)
        read_rules(found.kind, settings.rules)
        found = reviews.change(project, found, settings)
        if body.archived is not None:
            found = reviews.queues.archive(project, found, body.archived)
        return queue_json(found, whole=True)

    @router.post("/{queue}/fill")
    def fill(queue: str, body: Fill, project: InProject) -> Json:
        """Put items into it, none twice; how many came."""
        return asdict(_filled(Filling(store), project, reviews.queues.get(project, queue), body))

    _add_reading(router, reviews)
    _add_review(router, reviews, Correcting(store))
    return router


def _add_reading(router: APIRouter, reviews: Reviews) -> None:
    @router.get("/{queue}/progress")
    def progress(queue: str, project: InProject, caller: Caller) -> Json:
        """How far it is. An annotator sees their own work alone."""
        told = reviews.progress(project, reviews.queues.get(project, queue))
        return progress_json(told, annotator_of(caller), whole=caller.may("read"))

    @router.get("/{queue}/agreement")
    def agreement(queue: str, project: InProject) -> Json:
        """How far annotators agree, by criterion, with 95 % intervals."""
        found = reviews.queues.get(project, queue)
        told = [agreed(found.kind, name, reviews.labels(project, found, name)) for name in found.criteria]
        return {"queue": found.name, "kind": found.kind, "criteria": [agreed_json(one) for one in told]}

    @router.get("/{queue}/items")
    def list_items(
        queue: str, project: InProject, status: Status | None = None, limit: _Limit = 100,
        after: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
    ) -> Json:  # fmt: skip
        """In their order, without what they say. Hand `next` back as `after`."""
        found = reviews.queues.get(project, queue)
        page = reviews.items.page(project, found, status=status, after=after, limit=limit)
        return {"data": [item_json(found, item) for item in page.items], "next": page.next}

    @router.get("/{queue}/items/{item}")
    def get_item(queue: str, item: str, project: InProject) -> Json:
        """One item; who made what of a pair, and the votes, once it is done."""
        found = reviews.queues.get(project, queue)
        told = reviews.items.get(project, found, item)
        return item_json(found, told, reviews.votes_on(project, found, told))

    @router.get("/{queue}/export")
    def export(
        queue: str, project: InProject, what: What = "votes", format: Form = "jsonl", history: bool = False
    ) -> StreamingResponse:
        """`votes` in long form (with `history` also those that were replaced), `labels` of what is done, or
        `preferences`, of pairs."""
        found = reviews.queues.get(project, queue)
        lines: Iterator[bytes] = as_lines(rows_of(reviews, project, found, what, history=history), format)
        kept = f'attachment; filename="{what}.{format}"'
        return StreamingResponse(lines, media_type=_TYPES[format], headers={"content-disposition": kept})


def _add_review(router: APIRouter, reviews: Reviews, correcting: Correcting) -> None:
    def told(project: str, queue: Queue, seat: Seat) -> Json:
        votes = reviews.votes_on(project, queue, seat.item) if seat.role == "decide" else ()
        return shown(queue, seat, votes)

    @router.post("/{queue}/next")
    def get_next(queue: str, project: InProject, caller: Caller, body: Seated | None = None) -> Json:
        """The item that the caller has, else the next that needs them, as `item`; null where there is none."""
        found = reviews.queues.get(project, queue)
        seat = reviews.seats.next(project, found, annotator_of(caller), (body or Seated()).role)
        return {"item": None if seat is None else told(project, found, seat)}

    @router.post("/{queue}/items/{item}/vote")
    def vote(queue: str, item: str, body: Voted, project: InProject, caller: Caller) -> Json:
        """Say what one thinks of an item; again, it replaces what one said before. The item's status after it."""
        found = reviews.queues.get(project, queue)
        status = reviews.seats.vote(
            project, found, item, annotator_of(caller), body.marks(), seconds=body.seconds, role=body.role
        )
        return {"item": item, "status": status}

    @router.post("/{queue}/items/{item}/skip")
    def skip(queue: str, item: str, project: InProject, caller: Caller, body: Seated | None = None) -> Json:
        """Leave an item to others."""
        found = reviews.queues.get(project, queue)
        reviews.seats.skip(project, found, item, annotator_of(caller), (body or Seated()).role)
        return {"item": item, "status": "skipped"}

    @router.post("/{queue}/undo")
    def undo(queue: str, project: InProject, caller: Caller) -> Json:
        """Take the last vote or skip back, and get that item again, with what one said."""
        found = reviews.queues.get(project, queue)
        return {"item": told(project, found, reviews.seats.undo(project, found, annotator_of(caller)))}

    @router.post("/{queue}/items/{item}/correct", status_code=201)
    def correct(queue: str, item: str, body: Corrected, project: InProject, caller: Caller) -> Json:
        """Say what the answer should have been. It becomes an item of the queue's dataset, else of
        `<queue>-corrections`."""
        found = reviews.queues.get(project, queue)
        made = correcting.correct(project, found, item, annotator_of(caller), body.text)
        return {"id": made.id, "item": item, "dataset_id": made.dataset_id, "item_key": made.item_key}


def _filled(filling: Filling, project: str, queue: Queue, body: Fill) -> Filled:
    ways = [name for name in ("rules", "traces", "run", "items") if getattr(body, name) is not None]
    if len(ways) != 1:
        raise InvalidRequest("Name one of `rules`, `traces`, `run` and `items`.", param=ways[1] if ways else "rules")
    if body.traces is not None:
        return filling.traces(project, queue, body.traces)
    if body.items is not None:
        return filling.given(project, queue, body.items)
    if body.run is None:
        return filling.follow(project, queue)
    if body.other_run is not None:
        return filling.pair(project, queue, body.run, body.other_run, most=body.most, seed=body.seed)
    return filling.run(
        project, queue, body.run, evaluator=body.evaluator, failing=body.failing, most=body.most, seed=body.seed
    )
