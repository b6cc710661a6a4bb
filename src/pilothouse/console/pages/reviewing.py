"""The screen on which people review: one item, its criteria, and forms that need no script. console.js adds the keys.

Of a pair it shows two outputs as A and B; who made them stands nowhere on it.
"""

from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Fields, Sent
from pilothouse.console.payload import turns
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Reader, Reviewer, Visitor
from pilothouse.errors import InvalidRequest
from pilothouse.evals.review.annotators import annotator_of
from pilothouse.evals.review.blind import shown
from pilothouse.evals.review.correcting import Correcting
from pilothouse.storage.evaluating.review_labels import CHOICES, POINTS
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.review_seats import Mark, Role
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.types import Json

__all__ = ["add"]


def add(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    """The routes under a queue's address."""
    reviews, correcting = rooms.reviews, Correcting(rooms.store)

    def screen(visitor: Visitor, queue: Queue, role: Role, done: str = "", **values: Any) -> Response:
        return _screen(reviews, renderer, project, visitor, queue, role, done=done, **values)

    @router.get("/{queue}/review")
    def review_page(visitor: Reviewer, queue: str, role: str = "", done: str = "") -> Response:
        return screen(visitor, reviews.queues.get(project, queue), _role(role), done)

    @router.post("/{queue}/vote")
    def vote(visitor: Reviewer, queue: str, form: Sent) -> Response:
        found, role = reviews.queues.get(project, queue), _role(form.get("role"))
        try:
            marks = _marks(found, form)
            reviews.seats.vote(project, found, form.get("item"), annotator_of(visitor.principal), marks, role=role)
        except InvalidRequest as error:
            return screen(visitor, found, role, error=error, form=form)
        return _next(found, role)

    @router.post("/{queue}/skip")
    def skip(visitor: Reviewer, queue: str, form: Sent) -> Response:
        found, role = reviews.queues.get(project, queue), _role(form.get("role"))
        try:
            reviews.seats.skip(project, found, form.get("item"), annotator_of(visitor.principal), role)
        except InvalidRequest as error:
            return screen(visitor, found, role, error=error)
        return _next(found, role)

    @router.post("/{queue}/undo")
    def undo(visitor: Reviewer, queue: str, form: Sent) -> Response:
        found = reviews.queues.get(project, queue)
        try:
            seat = reviews.seats.undo(project, found, annotator_of(visitor.principal))
        except InvalidRequest as error:
            return screen(visitor, found, _role(form.get("role")), error=error)
        return _next(found, seat.role)

    @router.post("/{queue}/correct")
    def correct(visitor: Reviewer, queue: str, form: Sent) -> Response:
        found, role, me = reviews.queues.get(project, queue), _role(form.get("role")), annotator_of(visitor.principal)
        try:
            correcting.correct(project, found, form.get("item"), me, form.raw("correction"))
        except InvalidRequest as error:
            return screen(visitor, found, role, error=error, form=form)
        return screen(visitor, found, role, "corrected", form=form)

    @router.get("/{queue}/items/{item}")
    def item_page(visitor: Reader, queue: str, item: str) -> Response:
        found = reviews.queues.get(project, queue)
        told = reviews.items.get(project, found, item)
        settled = told.status == "done"
        return renderer.page(
            "review_item.html", visitor=visitor, queue=found, item=told, input=turns(told.input), complete=settled,
            blind=found.kind == "pairwise" and not settled,
            votes=reviews.votes_on(project, found, told) if settled else [],
            corrections=reviews.corrections(project, found, told.id),
        )  # fmt: skip


def _screen(
    reviews: Reviews, renderer: Renderer, project: str, visitor: Visitor, queue: Queue, role: Role, *, done: str = "",
    error: InvalidRequest | None = None, form: Fields | None = None,
) -> Response:  # fmt: skip
    """The item that they have, or the next; with what they had filled in, where it is still that item."""
    me = annotator_of(visitor.principal)
    seat = None if queue.archived_us else reviews.seats.next(project, queue, me, role)
    progress, told = reviews.tally(project, queue, me), None
    if seat is not None:
        told = shown(queue, seat, reviews.votes_on(project, queue, seat.item) if role == "decide" else ())
    kept = form if form is not None and told is not None and form.get("item") == told["id"] else None
    return renderer.page(
        "review.html", 200 if error is None else error.status, visitor=visitor, queue=queue, role=role, item=told,
        progress=progress, done=done,
        problem="" if error is None else error.message, choices=POINTS if queue.kind == "likert" else CHOICES,
        input=turns(told["input"]) if told else [], filled=kept or _before(told),
    )  # fmt: skip


def _before(told: Json | None) -> Fields:
    """What they said before they took it back, as fields."""
    votes = told["votes"].items() if told else ()
    fields = {f"vote_{name}": [str(mark["value"])] for name, mark in votes}
    return Fields(fields | {f"comment_{name}": [mark["comment"]] for name, mark in votes})


def _marks(queue: Queue, form: Fields) -> dict[str, Mark]:
    given = {name: form.get(f"vote_{name}") for name in queue.criteria}
    return {name: Mark(value, form.get(f"comment_{name}")) for name, value in given.items() if value}


def _next(queue: Queue, role: Role) -> Response:
    """The next item, by an address that a reload can go to."""
    query = "" if role == "vote" else f"?{urlencode({'role': role})}"
    return RedirectResponse(f"{ROOT}/reviews/{quote(queue.name, safe='')}/review{query}", 303)


def _role(text: str) -> Role:
    return "decide" if text == "decide" else "vote"
