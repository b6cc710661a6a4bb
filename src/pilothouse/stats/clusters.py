"""Groups of vectors that point the same way, and a flat map of them. Plain functions over numpy, which give the same
for the same input. Knows nothing of texts.

Vectors are float32 (n, dimensions) of length 1, so that a product of two is their cosine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose", "groups", "laid_out", "matched", "partition", "principal", "silhouettes", "unit"]

Vectors = NDArray[np.float32]
Labels = NDArray[np.intp]

_STARTS, _ROUNDS = 4, 50
_SAMPLE = 1200
_AS_GOOD = 0.01
_DIMENSIONS = 16
_MOST, _SMALLEST, _GROUPED = 20, 8, 10_000
_NEAR, _REACH = 0.05, 0.15
_SEED = 1


def partition(vectors: Vectors, before: int | None = None) -> Labels:
    """The group of each vector (n,), as many groups as fit them: 2 to 20, of 8 vectors or more in the mean; the number
    of `before` where that fits as well.

    They are found in the 16 directions in which the vectors differ most: there silhouettes tell one number of groups
    from another, which in 384 dimensions they hardly do (benchmarks/topics). Of more than 10,000 vectors that many are
    grouped, evenly chosen, and the others go to the nearest group.
    """
    small = unit(principal(vectors, _DIMENSIONS))
    some = small[:: -(-len(small) // _GROUPED)]
    k = choose(some, range(2, min(_MOST, len(vectors) // _SMALLEST) + 1), before)
    _, centres = groups(some, k)
    return np.asarray(np.unique((small @ centres.T).argmax(axis=1), return_inverse=True)[1])


def groups(vectors: Vectors, k: int, seed: int = _SEED) -> tuple[Labels, Vectors]:
    """The group of each vector (n,) and the centres (k, dimensions): spherical k-means (Dhillon and Modha 2001,
    doi:10.1023/A:1007612920971), the best of four k-means++ starts (Arthur and Vassilvitskii 2007). Fewer than k where
    there are not k different vectors."""
    random = np.random.default_rng(seed)
    best: tuple[float, Labels, Vectors] | None = None
    for _ in range(_STARTS):
        labels, centres, close = _once(vectors, _starts(vectors, k, random))
        if best is None or close > best[0] + 1e-6:
            best = close, labels, centres
    assert best is not None
    return best[1], best[2]


def choose(vectors: Vectors, ks: Sequence[int], before: int | None = None, seed: int = _SEED) -> int:
    """The number of groups, of `ks`, with the highest mean silhouette, on a sample of 1,200 vectors; the number of
    `before` where that is worse by 0.01 at most, so that a few vectors do not change it. 1 where `ks` has none."""
    some = vectors
    if len(vectors) > _SAMPLE:
        some = vectors[np.sort(np.random.default_rng(seed).choice(len(vectors), _SAMPLE, replace=False))]
    told = {k: float(silhouettes(some, groups(some, k, seed)[0]).mean()) for k in ks if k < len(some)}
    best = max(told.values(), default=0.0)
    if before in told and told[before] >= best - _AS_GOOD:
        return before
    return next((k for k, value in told.items() if value == best), 1)


def silhouettes(vectors: Vectors, labels: Labels) -> NDArray[np.float64]:
    """How much nearer each vector is to its own group than to the next one, from -1 to 1, by cosine distance (Rousseeuw
    1987, doi:10.1016/0377-0427(87)90125-7). 0 for one that is alone in its group."""
    k = int(labels.max()) + 1 if len(labels) else 0
    if k < 2:
        return np.zeros(len(labels))
    member = np.zeros((len(labels), k))
    member[np.arange(len(labels)), labels] = 1
    sizes = member.sum(axis=0)
    apart = (1.0 - vectors @ vectors.T).astype(np.float64) @ member  # summed distances to each group
    own = apart[np.arange(len(labels)), labels] / np.maximum(sizes[labels] - 1, 1)
    means = apart / np.maximum(sizes, 1)
    means[np.arange(len(labels)), labels] = np.inf
    means[:, sizes == 0] = np.inf
    other = means.min(axis=1)
    told = (other - own) / np.maximum(np.maximum(own, other), 1e-12)
    return np.where(sizes[labels] > 1, told, 0.0)


def principal(vectors: Vectors, dimensions: int) -> Vectors:
    """The vectors (n, dimensions) along the directions in which they differ most (principal components), the first
    ones first. Each direction is turned so that its largest part is positive: alike vectors give alike places."""
    middle = vectors.mean(axis=0)
    apart = vectors - middle
    _, axes = np.linalg.eigh((apart.T @ apart).astype(np.float64))
    return np.asarray(apart @ _turned(axes[:, ::-1][:, :dimensions]), np.float32)


def laid_out(vectors: Vectors, labels: Labels, centres: Vectors) -> Vectors:
    """Places on a map (n, 2). The centres lie as far apart as they are unlike, as far as two dimensions show it
    (classical scaling, Torgerson 1952, doi:10.1007/BF02288916); a vector lies between those that it is like, and beside
    its own as it differs from that. So groups stay apart that principal components would lay on each other."""
    apart = (1.0 - centres @ centres.T).astype(np.float64) ** 2
    middle = np.eye(len(centres)) - 1.0 / len(centres)
    values, axes = np.linalg.eigh(-0.5 * middle @ apart @ middle)
    homes = _turned(axes[:, ::-1][:, :2]) * np.sqrt(np.maximum(values[::-1][:2], 0))
    homes = np.pad(homes, ((0, 0), (0, 2 - homes.shape[1])))
    like = vectors @ centres.T
    weights = np.exp((like - like.max(axis=1, keepdims=True)) / _NEAR)
    beside = principal(vectors - centres[labels], 2)
    reach = _REACH * max(float(homes.std()), 0.01) / max(float(beside.std()), 1e-9)
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)) @ homes + reach * beside, np.float32)


def unit(vectors: Vectors) -> Vectors:
    """The same at length 1; what has no length stays."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def matched(before: Vectors, now: Vectors, least: float) -> dict[int, int]:
    """Which of the centres `now` is which of those `before` (positions), the most alike first; a pair has a cosine of
    `least` or more."""
    if not len(before) or not len(now):
        return {}
    alike = now @ before.T
    found: dict[int, int] = {}
    for place in np.argsort(-alike, axis=None, kind="stable"):
        one, other = divmod(int(place), len(before))
        if alike[one, other] < least:
            break
        if one not in found and other not in found.values():
            found[one] = other
    return found


# ---- parts


def _turned(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns, each turned so that its largest part is positive."""
    return np.asarray(axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]))


def _starts(vectors: Vectors, k: int, random: np.random.Generator) -> Vectors:
    """Vectors that lie apart: each is drawn with a chance that grows with the distance from those before."""
    chosen = [int(random.integers(len(vectors)))]
    apart = 1.0 - vectors @ vectors[chosen[0]]
    while len(chosen) < k:
        weights = np.maximum(apart, 0).astype(np.float64)
        if weights.sum() < 1e-6:
            break
        chosen.append(int(random.choice(len(vectors), p=weights / weights.sum())))
        apart = np.minimum(apart, 1.0 - vectors @ vectors[chosen[-1]])
    return vectors[chosen]


def _once(vectors: Vectors, centres: Vectors) -> tuple[Labels, Vectors, float]:
    labels = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        near = vectors @ centres.T
        found = near.argmax(axis=1)
        if np.array_equal(found, labels):
            break
        labels = found
        member = np.zeros((len(centres), len(vectors)), np.float32)
        member[labels, np.arange(len(vectors))] = 1
        sums = member @ vectors
        long = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(long > 1e-6, sums / np.maximum(long, 1e-6), centres).astype(np.float32)
    near = vectors @ centres.T
    labels = near.argmax(axis=1)
    used = np.unique(labels)
    return np.searchsorted(used, labels), centres[used], float(near.max(axis=1).sum())
