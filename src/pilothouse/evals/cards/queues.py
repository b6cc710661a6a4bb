"""Labels of people from queues of review, as cards and rankings need them. Knows nothing of how queues are filled."""

from collections.abc import Iterator
from dataclasses import dataclass

from pilothouse.errors import NotFound
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.evals.cards.ratings import LOSS, TIE, WIN
from pilothouse.stats.agreement import Label
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.reviews import Reviews

__all__ = ["QueueLabel", "biased_by", "queue_labels"]

_CHOICES: dict[str, Label] = {"a": WIN, "tie": TIE, "b": LOSS}


@dataclass(frozen=True, slots=True)
class QueueLabel:
    """A label, the run that it is of, and of a pair the run that made the other answer."""

    run_id: str
    label: HumanLabel
    other_run_id: str | None = None


def queue_labels(reviews: Reviews, project: str, queue: Queue) -> Iterator[QueueLabel]:
    """All labels of outputs of runs, each vote one, and what was decided. Raises NotFound for a queue without any."""
    found = False
    for criterion in queue.criteria:
        for item in reviews.labels(project, queue, criterion):
            source = item.source
            if source.run_id is None or source.case_id is None:
                continue
            votes: dict[str, Label] = dict(item.votes)
            told = [(name, value, False) for name, value in votes.items()]
            if item.decided and item.label is not None:
                told.append(("", item.label, True))
            for annotator, value, decided in told:
                found = True
                label = HumanLabel(
                    case=source.case_id, label=_CHOICES.get(str(value), value), criterion=criterion,
                    trial=source.trial or 0, annotator=annotator, decided=decided,
                )  # fmt: skip
                yield QueueLabel(source.run_id, label, source.other_run_id)
    if not found:
        raise NotFound(f"Nobody has labelled an output of a run in the queue '{queue.name}'.", param="queue")


def biased_by(queue: Queue) -> str | None:
    """Why the items of a queue are no random sample, None where they are."""
    biased = sorted({str(rule.get("why")) for rule in queue.settings.rules} - {"random"})
    if not biased:
        return None
    return (
        f"The queue '{queue.name}' is filled by {', '.join(biased)}: what is labelled there is no random sample, and "
        "an estimate from it is of that choice, not of the run."
    )
