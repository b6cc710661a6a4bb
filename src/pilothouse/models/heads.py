"""Small trained classifiers on top of the encoder's vector: logistic regression, kept as JSON with their card.

Plain numpy; knows nothing of requests. A head is trained in a second on a laptop and scored in microseconds.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pilothouse.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

__all__ = ["Head", "fit", "refit"]

_STEPS = 60
_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Head:
    """P(y = 1) = sigmoid(weights . x + bias), where x is the row of named inputs, standardised by `mean` and `scale`.

    `threshold` is the operating point it was calibrated to; `card` says what it was trained and measured on.
    """

    name: str
    inputs: tuple[str, ...]
    mean: "Rows"
    scale: "Rows"
    weights: "Rows"
    bias: float
    threshold: float
    card: dict[str, Any]

    def probability(self, row: "Rows") -> float:
        """Of one row, shape (len(inputs),)."""
        return float(self.probabilities(row[None, :])[0])

    def probabilities(self, rows: "Rows") -> "Rows":
        """Of each row, shape (n, len(inputs)) -> (n,)."""
        return _sigmoid((rows - self.mean) / self.scale @ self.weights + self.bias)

    def save(self, path: Path) -> None:
        """As JSON, every number with six significant digits."""
        rounded = {
            name: [float(f"{value:.6g}") for value in getattr(self, name)] for name in ("mean", "scale", "weights")
        }
        whole = {
            "name": self.name,
            "threshold": self.threshold,
            "bias": float(f"{self.bias:.6g}"),
            "card": self.card,
            "inputs": self.inputs,
            **rounded,
        }
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises ConfigError naming the file where it is none of ours."""
        try:
            return cls._read(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path}: is no trained head ({error!r}). `pilothouse router train` makes one, and `guards train`."
            ) from None

    @classmethod
    def shipped(cls, name: str) -> Self:
        """One that comes with the package."""
        return cls._read(json.loads((files("pilothouse.models") / "trained" / f"{name}.json").read_text("utf-8")))

    @classmethod
    def _read(cls, data: dict[str, Any]) -> Self:
        mean, scale, weights = (np.asarray(data[name], dtype=np.float64) for name in ("mean", "scale", "weights"))
        inputs = tuple(data["inputs"])
        if not len(inputs) == len(mean) == len(scale) == len(weights):
            raise ValueError("its numbers do not match its inputs")
        return cls(
            data["name"], inputs, mean, scale, weights, float(data["bias"]), float(data["threshold"]), data["card"]
        )


def fit(
    rows: "Rows", labels: "Rows", *, l2: float = 1.0, sample_weights: "Rows | None" = None
) -> "tuple[Rows, Rows, Rows, float]":
    """(mean, scale, weights, bias) of a logistic regression with an L2 penalty on the standardised inputs.

    Newton's method (iteratively reweighted least squares; Hastie, Tibshirani and Friedman, 2009, 4.4.1). `rows` is
    (n, d), `labels` (n,) in [0, 1]; soft labels are allowed. The bias is not penalised.
    """
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    design = np.hstack([(rows - mean) / scale, np.ones((len(rows), 1))])
    penalty = np.full(design.shape[1], l2)
    penalty[-1] = 1e-9
    solution = _newton(design, labels, penalty, sample_weights, np.zeros(design.shape[1]))
    return mean, scale, solution[:-1], float(solution[-1])


def refit(
    head: Head, rows: "Rows", labels: "Rows", *, l2: float = 1.0, sample_weights: "Rows | None" = None
) -> "tuple[Rows, float]":
    """(weights, bias) of a head that has seen these rows, too: the penalty draws it to the given one, not to zero.

    So few rows move it a little and many a lot: the given head is the mean of a Gaussian prior. Shapes as of `fit`;
    `mean` and `scale` stay.
    """
    design = np.hstack([(rows - head.mean) / head.scale, np.ones((len(rows), 1))])
    penalty = np.full(design.shape[1], l2)
    penalty[-1] = 1e-3
    solution = _newton(design, labels, penalty, sample_weights, np.append(head.weights, head.bias))
    return solution[:-1], float(solution[-1])


def _newton(design: "Rows", labels: "Rows", penalty: "Rows", sample_weights: "Rows | None", prior: "Rows") -> "Rows":
    share = np.ones(len(design)) if sample_weights is None else sample_weights
    solution = prior.copy()
    for _ in range(_STEPS):
        chance = _sigmoid(design @ solution)
        gradient = design.T @ (share * (chance - labels)) + penalty * (solution - prior)
        curvature = (design * (share * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        solution = solution - step
        if float(np.abs(step).max()) < _TOLERANCE:
            break
    return solution


def _sigmoid(value: "Rows") -> "Rows":
    return 1.0 / (1.0 + np.exp(-np.clip(value, -40, 40)))
