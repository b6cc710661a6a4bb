"""Many experiments at once, at every look: the same figures as `pilothouse.stats.sequential` tells for one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pilothouse.stats.intervals import quantile
from pilothouse.stats.sequential import Sample, contrast, radius, tuned_scale

__all__ = ["ALPHA", "FURTHER", "MINIMUM", "Looks", "by_unit", "of_sums"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
ALPHA, MINIMUM, FURTHER = 0.05, 100, 10.0


@dataclass
class Looks:
    """(experiments, looks): the difference, its error, whether both arms have the units that a decision needs, and how
    many units there are in all."""

    value: Floats
    error: Floats
    ready: Flags
    units: Floats

    def decided(self, further: float = FURTHER, alpha: float = ALPHA) -> NDArray[np.int64]:
        """The look at which Pilothouse decides, by experiment; the number of looks where it does not."""
        first = self.error[np.arange(len(self.error)), self.ready.argmax(axis=1)]
        scale = np.array([tuned_scale(one, further, alpha) for one in first])[:, None]
        return self._first(np.abs(self.value) > radius(self.error, scale, alpha))

    def naive(self, alpha: float = ALPHA) -> NDArray[np.int64]:
        """The first look at which a test that knows of no other look would decide."""
        return self._first(np.abs(self.value) > quantile(1 - alpha) * self.error)

    def last(self, alpha: float = ALPHA) -> Flags:
        """Whether one test, at the last look, decides."""
        return np.asarray(np.abs(self.value[:, -1]) > quantile(1 - alpha) * self.error[:, -1])

    def _first(self, beyond: Flags) -> NDArray[np.int64]:
        beyond = beyond & self.ready
        return np.where(beyond.any(axis=1), beyond.argmax(axis=1), beyond.shape[1])


def by_unit(
    values: Floats, treated: Flags, bounded: bool, minimum: int = MINIMUM, own: bool = False
) -> Looks:  # fmt: skip
    """A look after each unit: (experiments, units) of values and of arms. With `own` each arm's error is by its own
    variance alone, which is not what the product does."""
    parts = []
    for arm in (~treated, treated):
        mine = np.where(arm, values, 0.0)
        parts.append([np.cumsum(one, axis=1, dtype=np.float64) for one in (arm, mine, mine * mine)])
    looks = of_sums(parts[0], parts[1], bounded, minimum, own)
    if not own:
        _alike(values[0], treated[0], bounded, looks)
    return looks


def of_sums(
    control: list[Floats], treatment: list[Floats], bounded: bool, minimum: int = MINIMUM, own: bool = False
) -> Looks:  # fmt: skip
    """From the units of each arm: how many, the sum of their values and of the squares, (experiments, looks) each."""
    (n_c, mean_c, squares_c), (n_t, mean_t, squares_t) = (_moments(*one, bounded) for one in (control, treatment))
    together = (squares_c + squares_t) / np.maximum(n_c + n_t - 2, 1)
    apart = squares_c / (n_c - 1) / n_c + squares_t / (n_t - 1) / n_t
    spread = apart if own else np.maximum(apart, together / n_c + together / n_t)
    error = np.sqrt(np.maximum(spread, 1e-300))
    ready = (control[0] >= minimum) & (treatment[0] >= minimum) & (spread > 0)
    return Looks(mean_t - mean_c, error, ready, control[0] + treatment[0])


def _moments(n: Floats, total: Floats, squares: Floats, bounded: bool) -> tuple[Floats, Floats, Floats]:
    n = np.maximum(n, 2.0)
    mean = total / n
    apart = np.maximum(squares - n * mean * mean, 0.0)
    if bounded:
        middle = (n * mean + 0.5) / (n + 1)
        apart = apart + n * (mean - middle) ** 2 + 0.5 * (middle**2 + (1 - middle) ** 2)
    return n, mean, apart


def _alike(values: Floats, treated: Flags, bounded: bool, looks: Looks) -> None:
    """Hold one experiment against what the product computes for it."""
    for at in (len(values) // 3, len(values) - 1):
        samples = [Sample.of(values[: at + 1][treated[: at + 1] == arm]) for arm in (False, True)]
        found = contrast(*samples, bounds=(0.0, 1.0) if bounded else None)
        if found.error is not None and looks.ready[0, at]:
            assert np.isclose(found.value, looks.value[0, at]), "the benchmark computes something else"
            assert np.isclose(found.error, looks.error[0, at], rtol=1e-6), "the benchmark computes something else"
