"""How often the interval of a mean holds it, by the number of cases and the shape of scores, and how often a paired
comparison of two equal runs finds a difference.

    python benchmarks/evals/interval_coverage.py
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pilothouse.stats.agreement import cohen
from pilothouse.stats.intervals import bootstrap_mean, wilson
from pilothouse.stats.paired import compare_passes, compare_scores

RUNS, RESAMPLES = 4000, 1000
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

SCORES: dict[str, tuple[Draw, float]] = {
    "even, 0 to 1": (lambda random, n: random.random(n), 0.5),
    "mostly high (Beta 5, 1)": (lambda random, n: random.beta(5, 1, n), 5 / 6),
    "1, or 0 one time in ten, with noise": (
        lambda random, n: (random.random(n) < 0.9) * random.uniform(0.9, 1, n),
        0.9 * 0.95,
    ),
}


def held(draw: Draw, truth: float, n: int, method: str) -> float:
    """The share of intervals that hold the truth."""
    random, count = np.random.default_rng(1), 0
    for _ in range(RUNS):
        one = bootstrap_mean(draw(random, n), random, bounds=(0.0, 1.0), method=method, resamples=RESAMPLES)
        count += one.low is not None and one.high is not None and one.low <= truth <= one.high
    return count / RUNS


def held_share(truth: float, n: int) -> float:
    """The same of Wilson's interval of a share."""
    seen = np.random.default_rng(1).binomial(n, truth, RUNS)
    found = [wilson(int(count), n) for count in seen]
    return sum((one.low or 0.0) <= truth <= (one.high or 0.0) for one in found) / RUNS


def held_kappa(right: float, n: int) -> float:
    """The same of Cohen's kappa of two who pass 70 %, each `right` so often."""
    random, count = np.random.default_rng(1), 0
    passes = 0.7 * right + 0.3 * (1 - right)
    chance = passes**2 + (1 - passes) ** 2
    truth = (right**2 + (1 - right) ** 2 - chance) / (1 - chance)
    for _ in range(RUNS):
        good = random.random(n) < 0.7
        one, other = (np.where(random.random(n) < right, good, ~good).tolist() for _ in range(2))
        found = cohen(one, other)
        count += found.low is not None and found.high is not None and found.low <= truth <= found.high
    return count / RUNS


def false_findings(n: int) -> tuple[float, float, float]:
    """Of two runs that are equally good: how often p <= 0.05 of passes and of scores, and the interval of the
    difference of passes holds 0."""
    random = np.random.default_rng(1)
    passes = scores = holds = 0
    for _ in range(1000):
        ease = random.random(n)
        one, other = (random.random(n) < ease for _ in range(2))
        told = compare_passes(one.tolist(), other.tolist())
        passes += told.p <= 0.05
        holds += (told.difference.low or 0.0) <= 0 <= (told.difference.high or 0.0)
        before, after = (ease + random.normal(0, 0.2, n) for _ in range(2))
        scores += compare_scores(before, after, random, permutations=999).p <= 0.05
    return passes / 1000, holds / 1000, scores / 1000


def main() -> None:
    """Print both tables."""
    sizes = (5, 10, 20, 50, 200)
    print(f"| 95 % intervals that hold the mean | {' | '.join(f'{n} cases' for n in sizes)} |")
    print(f"|---|{'---|' * len(sizes)}")
    for name, (draw, truth) in SCORES.items():
        for method in ("bca", "percentile"):
            print(f"| {name}: {method} | {' | '.join(f'{held(draw, truth, n, method):.3f}' for n in sizes)} |")
    for truth in (0.5, 0.9):
        print(f"| passes {truth:.0%}: Wilson | {' | '.join(f'{held_share(truth, n):.3f}' for n in sizes)} |")
    for right in (0.8, 0.95):
        told = " | ".join(f"{held_kappa(right, n):.3f}" for n in sizes)
        print(f"| Cohen's kappa, both {right:.0%} right | {told} |")
    print("\n| two equal runs | p <= 0.05, passes | interval holds 0, passes | p <= 0.05, scores |\n|---|---|---|---|")
    for n in (20, 50, 200):
        found = false_findings(n)
        print(f"| {n} cases | {found[0]:.3f} | {found[1]:.3f} | {found[2]:.3f} |")


if __name__ == "__main__":
    main()
