"""Bodies of `/api/reviews`, and what is told of queues and items there."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.evals.review.agreement import Agreed
from pilothouse.storage.evaluating.review_items import ReviewItem
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.review_seats import Mark
from pilothouse.storage.evaluating.reviews import Progress, Vote
from pilothouse.types import Json

__all__ = [
    "Corrected", "Fill", "NewQueue", "QueueChange", "Seated", "Voted", "agreed_json", "item_json", "progress_json",
    "queue_json",
]  # fmt: skip

_Text = Annotated[str, Field(max_length=20_000)]
_Role = Literal["vote", "decide"]


class _Criterion(Strict):
    name: str
    description: _Text = ""


class QueueChange(Strict):
    """What is set of a queue; what is left out stays. `rules` are those of docs/review.md."""

    instructions: _Text | None = None
    annotators: int | None = None
    spread: int | None = None
    lease_s: int | None = None
    rules: list[Json] | None = None
    every_s: int | None = None
    dataset: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    archived: bool | None = None

    def settings(self, before: QueueSettings) -> QueueSettings:
        """The settings as this changes them."""
        given = self.model_dump(exclude_none=True, exclude={"archived"})
        if "rules" in given:
            given["rules"] = tuple(given["rules"])
        return msgspec.structs.replace(before, **given)


class NewQueue(QueueChange):
    """A queue. `criteria` are what each item is judged by; they stay."""

    name: str
    kind: Literal["likert", "pairwise"] = "likert"
    criteria: Annotated[list[_Criterion], Field(min_length=1, max_length=20)]

    def whole(self) -> QueueSettings:
        """Its settings."""
        given = self.model_copy(update={"archived": None})
        criteria = tuple(Criterion(one.name, one.description) for one in self.criteria)
        change = QueueChange.model_validate(given.model_dump(exclude={"name", "kind", "criteria"}))
        return change.settings(QueueSettings(criteria=criteria))


class Fill(Strict):
    """Exactly one of: `rules` (true: follow them now); `traces`, or steps as `trace/span`; `run`, with `other_run` side
    by side; `items` as they are given. `evaluator`, `failing`, `most` and `seed` choose among the outcomes of a run."""

    rules: Literal[True] | None = None
    traces: Annotated[list[str], Field(min_length=1, max_length=1000)] | None = None
    run: str | None = None
    other_run: str | None = None
    evaluator: str | None = None
    failing: bool = False
    most: Annotated[int, Field(ge=1, le=100_000)] | None = None
    seed: int = 0
    items: Annotated[list[Any], Field(min_length=1, max_length=10_000)] | None = None


class Seated(Strict):
    """`role` is vote, or decide for items on which others disagree."""

    role: _Role = "vote"


class _Mark(Strict):
    value: int | str
    comment: Annotated[str, Field(max_length=10_000)] = ""


class Voted(Seated):
    """`votes` by criterion: a value, or a value with a comment. `seconds` is how long it took, by default since they
    got the item."""

    votes: Annotated[dict[str, int | str | _Mark], Field(max_length=20)]
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None

    def marks(self) -> dict[str, Mark]:
        """The votes as they are kept."""
        given = self.votes.items()
        return {name: Mark(v.value, v.comment) if isinstance(v, _Mark) else Mark(v) for name, v in given}


class Corrected(Strict):
    """`text` is what the answer should have been."""

    text: Annotated[str, Field(min_length=1, max_length=1_000_000)]


def queue_json(queue: Queue, *, whole: bool) -> Json:
    """A queue; `whole` also with what annotators need not know."""
    settings = msgspec.to_builtins(queue.settings)
    hidden = () if whole else ("rules", "every_s", "dataset")
    told = {name: value for name, value in settings.items() if name not in hidden}
    more = {"filled_us": queue.filled_us or None, "archived_us": queue.archived_us} if whole else {}
    return {"id": queue.id, "name": queue.name, "kind": queue.kind, **told, "created_us": queue.created_us, **more}


def progress_json(progress: Progress, annotator: str, *, whole: bool) -> Json:
    """How far a queue is; of the others' work only `whole`."""
    people = [one for one in progress.annotators if whole or one.annotator == annotator]
    counts = {status: progress.items.get(status, 0) for status in ("open", "disputed", "done")}
    told = {"items": {"total": progress.total, **counts}, "votes": {"asked": progress.asked, "given": progress.given}}
    return {**told, "annotators": [asdict(one) for one in people]}


def item_json(queue: Queue, item: ReviewItem, votes: Sequence[Vote] | None = None) -> Json:
    """An item; with its votes once it is done. Until then, which run is which of a pair is not told."""
    hidden = queue.kind == "pairwise" and item.status != "done"
    source = {name: value for name, value in item.source.parts.items() if value is not None}
    if hidden:
        source = {name: value for name, value in source.items() if name not in ("run_id", "other_run_id")}
    told = {"id": item.id, "status": item.status, "reason": item.reason, "created_us": item.created_us, **source}
    if votes is None:
        return told
    shown: Json = {"input": item.input, "context": item.context, "expected": item.expected}
    if not hidden:
        shown |= {"outputs": item.outputs, "systems": item.systems, "metadata": item.metadata}
    if item.status == "done":
        names = ("role", "annotator", "criterion", "value", "comment", "seconds", "at_us")
        shown["votes"] = [{name: getattr(vote, name) for name in names} for vote in votes]
    return {**told, **shown}


def agreed_json(agreed: Agreed) -> Json:
    """Agreement on one criterion."""
    return asdict(agreed)
