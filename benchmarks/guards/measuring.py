"""What the scripts that train and measure heads have in common: families left out, lengths matched, rows of tables."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sources import Rows, Source

from pilothouse.guards.heads.training import bag_scores, fitted
from pilothouse.models.heads import Head
from pilothouse.stats.intervals import wilson_bounds
from pilothouse.stats.separating import auroc, recall_at, resampled

__all__ = ["between", "joined", "left_out", "line", "matched", "strongest", "weighed"]

_Z = 1.959964


def joined(sources: Sequence[Source]) -> Source:
    """One source of several; its groups keep their source's name."""
    return Source(
        "+".join(one.name for one in sources), [text for one in sources for text in one.texts],
        np.concatenate([one.labels for one in sources]), [f"{one.name} {g}" for one in sources for g in one.groups],
        [bag for one in sources for bag in one.bags],
    )  # fmt: skip


def weighed(name: str, source: Source, l2: float) -> Head:
    """A head of that source, at a threshold of 0.5."""
    return fitted(name, source.bags, source.labels.astype(float), l2)


def left_out(name: str, source: Source, l2: float, folds: int = 8) -> Rows:
    """Each text's score by a head that did not see its group; of one group, by a head that did not see the text."""
    of = source.groups if len(set(source.groups)) > 1 else source.texts
    place = {group: at % folds for at, group in enumerate(np.random.default_rng(3).permutation(sorted(set(of))))}
    fold = np.array([place[group] for group in of])
    scores = np.empty(len(source.texts))
    for at in range(folds):
        out = fold == at
        if out.any():
            scores[out] = bag_scores(weighed(name, source.only(~out), l2), source.only(out).bags)
    return scores


def strongest(source: Source, unseen: dict[float, Rows]) -> float:
    """The strongest penalty whose AUROC on what was left out is within one standard error of the best (Hastie,
    Tibshirani and Friedman, 2009, 7.10); the error by the bootstrap over groups."""
    told, groups = source.labels == 1, np.array(source.groups)
    worth = {l2: auroc(scores[told], scores[~told]) for l2, scores in unseen.items()}
    best = max(worth, key=lambda one: worth[one])
    random, areas, names = np.random.default_rng(1), [], sorted(set(source.groups))
    where = {name: np.flatnonzero(groups == name) for name in names}
    for _ in range(200):
        at = np.concatenate([where[name] for name in random.choice(names, len(names))])
        areas.append(auroc(unseen[best][at][told[at]], unseen[best][at][~told[at]]))
    error = float(np.nanstd(areas))
    return max(l2 for l2 in worth if worth[l2] >= worth[best] - error)


def matched(positive: Source, negative: Source) -> tuple[Source, Source]:
    """As many of both from each class of length (by the square root of two), so that length tells nothing."""
    source = np.random.default_rng(1)
    keep: tuple[list[int], list[int]] = ([], [])
    sides = [np.array([int(np.log2(len(text) + 1) * 2) for text in one.texts]) for one in (positive, negative)]
    for size in sorted(set(sides[0]) & set(sides[1])):
        there = [np.flatnonzero(side == size) for side in sides]
        least = min(map(len, there))
        for kept, at in zip(keep, there, strict=True):
            kept.extend(source.permutation(at)[:least].tolist())
    return positive.only(sorted(keep[0])), negative.only(sorted(keep[1]))


def line(name: str, positive: Rows, negative: Rows, threshold: float) -> str:
    """A row of a table: how well these are told apart."""
    area, low_high = auroc(positive, negative), resampled(auroc, positive, negative)
    recall, ends = recall_at(positive, negative), resampled(recall_at, positive, negative)
    return (
        f"| {name} | {len(positive)} / {len(negative)} | {area:.3f} ({low_high[0]:.3f} to {low_high[1]:.3f}) "
        f"| {recall:.2f} ({ends[0]:.2f} to {ends[1]:.2f}) | {(positive >= threshold).mean():.1%} |"
    )


def between(hits: "NDArray[np.bool_]") -> str:
    """The 95 % interval of a share (Wilson)."""
    low, high = wilson_bounds(int(hits.sum()), len(hits), _Z)
    return f"{low:.1%} to {high:.1%}"
