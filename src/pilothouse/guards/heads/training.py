"""Trains a guard's head on labelled texts, or fits a trained one to those of a tenant, and measures it on texts that it
did not see. Plain functions over vectors; reads no files and encodes nothing.

A text is a bag of rows, one for each of its pieces; its score is the highest of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from pilothouse.errors import InvalidRequest
from pilothouse.models.heads import Head, fit, refit
from pilothouse.stats.separating import (
    auroc,
    calibration_error,
    recall_at,
    reliability,
    resampled,
    threshold_at,
)
from pilothouse.types import Json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

__all__ = ["INPUTS", "LEAST", "Labelled", "bag_scores", "calibrate", "fitted", "raised", "report", "train"]

INPUTS = tuple(f"e{at}" for at in range(384))
LEAST = 20
"""Texts of each of both labels that training and fitting need."""
_FOLDS = 5
_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10_000.0)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text that is what the guard looks for (`label` 1) or not (0). `group` keeps what belongs together, such as the
    texts of one user, on one side of each split; a text is a group of its own where there is none."""

    text: str
    label: int
    group: str = ""


Bags = Sequence["Rows"]


def bag_scores(head: Head, bags: Bags) -> "Rows":
    """The highest probability of the rows of each bag, (len(bags),)."""
    if not bags:
        return np.empty(0)
    starts = np.cumsum([0, *(len(bag) for bag in bags[:-1])])
    return np.maximum.reduceat(head.probabilities(np.vstack(bags)), starts)


def fitted(name: str, bags: Bags, labels: "Rows", l2: float) -> Head:
    """A head of these bags; each weighs the same, however many rows it has, and both labels do together."""
    rows, told, weights = _flat(bags, labels)
    mean, scale, solution, bias = fit(rows, told, l2=l2, sample_weights=weights)
    return Head(name, INPUTS, mean, scale, solution, bias, 0.5, {})


def train(name: str, examples: Sequence[Labelled], bags: Bags, rate: float = 0.01) -> tuple[Head, Json]:
    """A head, and its report on texts that were left out in turn. Its threshold lets it take at most the share `rate`
    of negatives that it did not see for positives. Raises InvalidRequest where the texts are too few."""
    labels = _labels(examples)

    def fold(learn: Sequence[int], l2: float) -> Head:
        return fitted(name, [bags[at] for at in learn], labels[learn], l2)

    return _chosen(fold, examples, bags, labels, rate, {})


def calibrate(head: Head, examples: Sequence[Labelled], bags: Bags, rate: float = 0.01) -> tuple[Head, Json]:
    """The head fitted to these texts, with a threshold for their negatives; the report tells `before` and `after` on
    texts that were left out in turn. Raises InvalidRequest where the texts are too few.

    The head's weights are the prior, so that few texts move them little; its probabilities are fitted, too.
    """
    labels = _labels(examples)

    def fold(learn: Sequence[int], l2: float) -> Head:
        rows, told, weights = _flat([bags[at] for at in learn], labels[learn])
        solution, bias = refit(head, rows, told, l2=l2, sample_weights=weights)
        return replace(head, weights=solution, bias=bias)

    before = report(bag_scores(head, bags), labels, head.threshold)
    made, after = _chosen(fold, examples, bags, labels, rate, {"fitted_from": head.card})
    return made, {"before": before, "after": after}


def raised(head: Head, marks: Sequence[tuple[float, bool]], share: float) -> tuple[Head, Json]:
    """The head with the lowest threshold, not below its own, at which at most the share `share` of the triggers that
    people marked was wrong. `marks` are the scores of triggers and whether each was right: texts that did not trigger
    are not among them, so that this makes a guard quieter, never sharper. Raises InvalidRequest for fewer than 20."""
    if len(marks) < LEAST:
        raise InvalidRequest(f"{len(marks)} triggers were marked: {LEAST} are the least.")
    scores = np.array([score for score, _ in marks])
    right = np.array([float(good) for _, good in marks])
    fitting = [at for at in np.unique(np.maximum(scores, head.threshold)) if 1 - right[scores >= at].mean() <= share]
    if not fitting:
        raise InvalidRequest(f"At no threshold were at most {share:.0%} of the marked triggers wrong.", param="wrong")
    threshold = float(fitting[0])
    kept = scores >= threshold
    told = {
        "marks": len(marks), "right": int(right.sum()), "threshold_before": head.threshold, "threshold": threshold,
        "wrong_before": float(1 - right.mean()), "wrong": float(1 - right[kept].mean()),
        "right_kept": float(right[kept].sum() / right.sum()) if right.any() else None,
    }  # fmt: skip
    return replace(head, threshold=threshold, card={"fitted_from": head.card, "marks": told}), told


def report(scores: "Rows", labels: "Rows", threshold: float) -> Json:
    """How well the scores tell the labels, with 95 % bootstrap intervals; of both labels together how far probabilities
    are from shares. What needs a label that is not there is None."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    both = len(positive) and len(negative)
    return {
        "positives": len(positive), "negatives": len(negative), "threshold": threshold,
        "auroc": auroc(positive, negative) if both else None,
        "auroc_95": list(resampled(auroc, positive, negative)) if both else None,
        "recall_at_1_percent": recall_at(positive, negative) if both else None,
        "recall_at_1_percent_95": list(resampled(recall_at, positive, negative)) if both else None,
        "recall": float((positive >= threshold).mean()) if len(positive) else None,
        "false_positive_rate": float((negative >= threshold).mean()) if len(negative) else None,
        "calibration_error": calibration_error(scores, labels) if len(scores) else None,
        "reliability": [list(one) for one in reliability(scores, labels)],
    }  # fmt: skip


def _chosen(
    fold: Callable[[Sequence[int], float], Head], examples: Sequence[Labelled], bags: Bags, labels: "Rows",
    rate: float, card: Json,
) -> tuple[Head, Json]:  # fmt: skip
    """The head of the penalty that does best on texts left out, and how it did on them."""
    folds = _folds(examples, labels)
    unseen: dict[float, Rows] = {}
    for l2 in _PENALTIES:
        scores = np.empty(len(bags))
        for out in folds:
            learn = np.setdiff1d(np.arange(len(bags)), out)
            scores[out] = bag_scores(fold(learn, l2), [bags[at] for at in out])  # type: ignore[arg-type]
        unseen[l2] = scores
    l2 = min(_PENALTIES, key=lambda one: _loss(unseen[one], labels))
    slope, shift = _platt(unseen[l2], labels)
    scores = 1 / (1 + np.exp(-(slope * _logit(unseen[l2]) + shift)))
    threshold = min(max(threshold_at(scores[labels == 0], rate), 1e-6), 1 - 1e-6)
    told = report(scores, labels, threshold)
    made = fold(range(len(bags)), l2)
    made = replace(made, weights=slope * made.weights, bias=slope * made.bias + shift)
    whole = {
        **card, "trained_on": f"{len(bags)} labelled texts", "penalty": l2, "false_positive_rate_wanted": rate,
        "left_out": {key: value for key, value in told.items() if key != "reliability"},
    }  # fmt: skip
    return replace(made, threshold=float(f"{threshold:.4g}"), card=whole), told


def _platt(scores: "Rows", labels: "Rows") -> tuple[float, float]:
    """(slope, shift) of the logits that make probabilities of them (Platt, 1999)."""
    mean, scale, weights, bias = fit(_logit(scores)[:, None], labels, l2=1.0)
    slope = float(weights[0] / scale[0])
    return (slope, float(bias - slope * mean[0])) if slope > 0 else (1.0, 0.0)


def _logit(chances: "Rows") -> "Rows":
    kept = np.clip(chances, 1e-9, 1 - 1e-9)
    return np.log(kept / (1 - kept))


def _labels(examples: Sequence[Labelled]) -> "Rows":
    labels = np.array([float(one.label) for one in examples])
    have = int(labels.sum()), int((labels == 0).sum())
    if min(have, default=0) < LEAST:
        raise InvalidRequest(f"{have[0]} texts of label 1 and {have[1]} of label 0: {LEAST} of each are the least.")
    return labels


def _folds(examples: Sequence[Labelled], labels: "Rows") -> "list[NDArray[np.int64]]":
    """Indexes of the texts that are left out together. Raises InvalidRequest where they belong to too few groups."""
    place = np.array([_place(one) for one in examples])
    folds = [np.flatnonzero(place == at) for at in range(_FOLDS)]
    for out in folds:
        left = np.delete(labels, out)
        if not 0 < left.sum() < len(left):
            raise InvalidRequest("The texts belong to too few groups: what is left beside one group has one label.")
    return [out for out in folds if len(out)]


def _place(one: Labelled) -> int:
    return blake2b((one.group or one.text).encode("utf-8", "replace"), digest_size=4).digest()[0] % _FOLDS


def _flat(bags: Bags, labels: "Rows") -> "tuple[Rows, Rows, Rows]":
    """Rows, their labels and their weights."""
    counts = np.array([len(bag) for bag in bags])
    told = np.repeat(labels, counts)
    share = np.where(labels == 1, 0.5 / max(1.0, labels.sum()), 0.5 / max(1.0, (labels == 0).sum())) * len(bags)
    return np.vstack(bags).astype(np.float64), told, np.repeat(share / counts, counts)


def _loss(chances: "Rows", labels: "Rows") -> float:
    kept = np.clip(chances, 1e-6, 1 - 1e-6)
    return float(-(labels * np.log(kept) + (1 - labels) * np.log(1 - kept)).mean())
