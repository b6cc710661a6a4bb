"""Where an experiment finds its units in a layer, beside those that run. Pure."""

from collections.abc import Sequence

from pilothouse.errors import Conflict
from pilothouse.prompts.experiments.assign import share_out
from pilothouse.prompts.experiments.shape import BUCKETS, Experiment

__all__ = ["placed"]


def placed(draft: Experiment, others: Sequence[Experiment]) -> list[tuple[int, int]]:
    """Its buckets. `others` are the project's experiments that calls are asked about. Raises Conflict where one is
    about the same target, tells units of the layer apart by something else, or leaves too little of the layer."""
    for other in others:
        if other.about == draft.about:
            state = "runs" if other.status == "running" else "sends all calls to its winner"
            raise Conflict(f"The experiment '{other.name}' {state} on {draft.about}: stop it first.", param="target")
    beside = [one for one in others if one.layer == draft.layer and one.status == "running"]
    for other in beside:
        if other.unit != draft.unit:
            raise Conflict(
                f"The layer '{draft.layer}' is split by {other.unit}, for '{other.name}'. Take `unit: {other.unit}`, "
                f"or another layer.", param="unit",
            )  # fmt: skip
    taken = [buckets for one in beside for buckets in one.ranges]
    mine = round(draft.holdout * BUCKETS)
    if any(begin < mine for begin, _ in taken):
        raise Conflict(
            f"The holdout of {draft.holdout:.2%} of the layer '{draft.layer}' is partly in use by "
            f"{', '.join(one.name for one in beside)}. Wait for its end, or take another layer.", param="holdout",
        )  # fmt: skip
    holdout = max([draft.holdout, *(one.holdout for one in beside)])
    found = share_out(taken, draft.share, holdout)
    if found is None:
        free = BUCKETS - round(holdout * BUCKETS) - sum(end - begin for begin, end in taken)
        raise Conflict(
            f"The layer '{draft.layer}' has {free / BUCKETS:.2%} of its units left, beside "
            f"{', '.join(one.name for one in beside) or 'its holdout'}; this takes {draft.share:.2%}. Take a smaller "
            f"share, or another layer.", param="share",
        )  # fmt: skip
    return found
