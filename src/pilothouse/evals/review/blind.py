"""What an annotator sees of an item: of a pair two outputs as A and B, by nobody's name. Plain functions.

Left out is what would tell them which answer is meant to be the better one: who made it, why the item is here, what
others said, and the metadata of the case, in which the system may be named.
"""

from collections.abc import Sequence

from pilothouse.storage.evaluating.review_labels import Value, disputed, mirrored
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.review_seats import Seat
from pilothouse.storage.evaluating.reviews import Vote
from pilothouse.types import Json

__all__ = ["criteria_of", "shown"]


def shown(queue: Queue, seat: Seat, votes: Sequence[Vote] = ()) -> Json:
    """The item as JSON. To who decides, `votes` are on it by criterion, without names, as that person sees A and B;
    only the criteria in dispute are asked."""
    item = seat.item
    outputs = item.outputs[::-1] if seat.swapped else item.outputs
    names = ("a", "b") if queue.kind == "pairwise" else ("output",)
    told: Json = {
        "id": item.id, "queue": queue.name, "kind": queue.kind, "role": seat.role, "input": item.input,
        **dict(zip(names, outputs, strict=True)), "context": item.context, "expected": item.expected,
        "instructions": queue.settings.instructions, "until_us": seat.until_us,
        "criteria": [
            {"name": one.name, "description": one.description}
            for one in queue.settings.criteria
            if one.name in criteria_of(queue, seat, votes)
        ],
        "votes": {name: {"value": mark.value, "comment": mark.comment} for name, mark in seat.marks.items()},
    }  # fmt: skip
    if seat.role == "decide":
        told["said"] = {name: _said(seat, votes, name) for name in criteria_of(queue, seat, votes)}
    return told


def criteria_of(queue: Queue, seat: Seat, votes: Sequence[Vote]) -> tuple[str, ...]:
    """The criteria that this seat is asked about."""
    if seat.role == "vote":
        return queue.criteria
    by: dict[str, list[Value]] = {name: [] for name in queue.criteria}
    for vote in votes:
        if vote.role == "vote":
            by[vote.criterion].append(vote.value)
    return tuple(name for name, values in by.items() if disputed(values, queue.settings.spread))


def _said(seat: Seat, votes: Sequence[Vote], criterion: str) -> list[Json]:
    mine = [vote for vote in votes if vote.role == "vote" and vote.criterion == criterion]
    return [
        {"value": mirrored(vote.value) if seat.swapped else vote.value, "comment": vote.comment}
        for vote in sorted(mine, key=lambda vote: vote.id)
    ]
