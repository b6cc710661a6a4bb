"""What people said, as rows for other programs: votes one by one, labels by item, preferences for training.

JSON Lines or CSV. Here the names of the systems are told: whoever exports has left the blind.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal

import msgspec

from pilothouse.evals.values import written
from pilothouse.storage.evaluating.review_items import ReviewItem
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.reviews import Label, Reviews, Vote
from pilothouse.types import Json

__all__ = ["FORMATS", "WHAT", "as_lines", "rows_of"]

What = Literal["votes", "labels", "preferences"]
Form = Literal["jsonl", "csv"]
WHAT: tuple[What, ...] = ("votes", "labels", "preferences")
FORMATS: tuple[Form, ...] = ("jsonl", "csv")


def rows_of(reviews: Reviews, project: str, queue: Queue, what: What, *, history: bool = False) -> Iterator[Json]:
    """The rows of an export. `votes` are in long form, one criterion each, with `history` also those that were
    replaced; `labels` one row an item and criterion that is done; `preferences`, of a queue of pairs, what was chosen
    and what rejected wherever one of both was."""
    if what == "votes":
        pairs = reviews.items.each(project, queue) if queue.kind == "pairwise" else ()
        systems = {item.id: item.systems for item in pairs}
        for vote in reviews.votes(project, queue, history=history):
            yield _vote(queue, vote, systems.get(vote.item_id, ()))
        return
    found = {name: {one.item_id: one for one in reviews.labels(project, queue, name)} for name in queue.criteria}
    for item in reviews.items.each(project, queue):
        for criterion, labels in found.items():
            label = labels.get(item.id)
            if label is None or label.label is None:
                continue
            if what == "labels":
                yield _label(criterion, label, item)
            elif label.label in ("a", "b"):
                yield _preference(criterion, label, item)


def as_lines(rows: Iterable[Json], form: Form) -> Iterator[bytes]:
    """The rows as bytes, line by line. In CSV what is no plain value is JSON, and nothing is a formula."""
    if form == "jsonl":
        for row in rows:
            yield msgspec.json.encode(row) + b"\n"
        return
    header: list[str] | None = None
    for row in rows:
        if header is None:
            header = list(row)
            yield _line(header)
        yield _line([_cell(row.get(name)) for name in header])


def _vote(queue: Queue, vote: Vote, systems: tuple[str, ...]) -> Json:
    row = {
        "queue": queue.name, "item": vote.item_id, **vote.source.parts, "role": vote.role,
        "annotator": vote.annotator, "criterion": vote.criterion, "value": vote.value, "comment": vote.comment,
        "seconds": round(vote.seconds, 3), "at": _time(vote.at_us), "replaced": _time(vote.replaced_us),
    }  # fmt: skip
    return {**row, "chosen": _system(vote.value, systems)} if queue.kind == "pairwise" else row


def _label(criterion: str, label: Label, item: ReviewItem) -> Json:
    row = {
        "item": item.id, **item.source.parts, "criterion": criterion, "label": label.label,
        "decided": label.decided, "votes": label.votes, "reason": item.reason, "input": item.input,
    }  # fmt: skip
    if len(item.outputs) == 1:
        return {**row, "output": item.outputs[0]}
    return {**row, "chosen": _system(label.label, item.systems), "a": item.outputs[0], "b": item.outputs[1]}


def _preference(criterion: str, label: Label, item: ReviewItem) -> Json:
    chosen, rejected = (0, 1) if label.label == "a" else (1, 0)
    for_it = sum(vote == label.label for vote in label.votes.values())
    row = {
        "prompt": item.input, "chosen": item.outputs[chosen], "rejected": item.outputs[rejected],
        "criterion": criterion, "votes": len(label.votes), "votes_for_chosen": for_it, "decided": label.decided,
        "item": item.id, **item.source.parts,
    }  # fmt: skip
    if len(item.systems) == 2:
        row |= {"chosen_system": item.systems[chosen], "rejected_system": item.systems[rejected]}
    return row


def _system(value: object, systems: tuple[str, ...]) -> str | None:
    """The name of the system that was chosen; None for a tie, and where systems have no names."""
    place = {"a": 0, "b": 1}.get(str(value))
    return systems[place] if place is not None and len(systems) == 2 else None


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    text = written(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "replace")
