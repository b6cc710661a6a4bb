"""Few-shot examples that stand for many cases: chosen so that each case has one that is like it. Plain functions.

Facility location over cosine similarities, by the greedy algorithm, which comes within 1 - 1/e of the best choice
(Nemhauser, Wolsey and Fisher 1978, "An analysis of approximations for maximizing submodular set functions").
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["covering"]

Rows = npt.NDArray[np.float32]


def covering(vectors: Rows, count: int, weights: Sequence[float] | None = None, pool: Sequence[int] = ()) -> list[int]:
    """Up to `count` rows of `vectors` (L2-normalised), each added where it covers most: the sum over all rows of their
    weight times their likeness to the nearest chosen one. `pool` are the rows that may be chosen, all where it is
    empty. Of equals the first; those that add nothing are left out.
    """
    choice = np.asarray(pool or range(len(vectors)), dtype=np.int64)
    if not len(choice) or count < 1:
        return []
    weight = np.ones(len(vectors)) if weights is None else np.asarray(weights, dtype=np.float64)
    alike = np.maximum(vectors @ vectors[choice].T, 0.0).astype(np.float64)
    covered, chosen = np.zeros(len(vectors)), list[int]()
    for _ in range(min(count, len(choice))):
        gains = weight @ np.maximum(alike - covered[:, None], 0.0)
        best = int(np.argmax(gains))
        if gains[best] <= 1e-9:
            break
        chosen.append(int(choice[best]))
        covered = np.maximum(covered, alike[:, best])
    return chosen
