"""How often an interval holds the truth: prediction-powered beside classical, with 200 human labels.

    python benchmarks/evals/ppi_coverage.py [DATA]

Made-up judges of known quality; with DATA (see README.md) also real labels of people and two judges, drawn with
replacement, so that the truth is the mean of all 999. One core, about a minute.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from human_pairs import read
from numpy.typing import NDArray

from pilothouse.stats.agreement import majority
from pilothouse.stats.ppi import ppi_mean

RUNS, LABELLED, JUDGED = 5000, 200, 2000
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], tuple[Floats, Floats]]
"""So many cases: what people say of them, what the judge says."""


def noisy(share: float, passes_good: float, passes_bad: float) -> Draw:
    """People pass a share; the judge passes so many of those, and so many of the others."""

    def draw(random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        human = random.random(n) < share
        judge = random.random(n) < np.where(human, passes_good, passes_bad)
        return human.astype(np.float64), judge.astype(np.float64)

    return draw


def likert(random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Scores of 1 to 5 as 0 to 1; the judge is kinder than people by most of a step."""
    quality = random.normal(3.2, 1.0, n)
    human = np.clip(np.rint(quality + random.normal(0, 0.5, n)), 1, 5)
    judge = np.clip(np.rint(quality + 0.7 + random.normal(0, 0.6, n)), 1, 5)
    return (human - 1) / 4, (judge - 1) / 4


def real(human: Floats, judge: Floats) -> Draw:
    """Pairs of labels as they were given."""

    def draw(random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        some = random.integers(len(human), size=n)
        return human[some], judge[some]

    return draw


def measured(draw: Draw, truth: float) -> tuple[float, ...]:
    """Coverage and mean width of both intervals, coverage of the judge's alone, the mean weight of the judge."""
    random = np.random.default_rng(1)
    held, classical, alone, weights = 0, 0, 0, 0.0
    widths = np.zeros(2)
    for _ in range(RUNS):
        human, judge = draw(random, LABELLED + JUDGED)
        found = ppi_mean(human[:LABELLED], judge[:LABELLED], judge[LABELLED:])
        bounds = [(one.low, one.high) for one in (found.estimate, found.classical)]
        (low, high), (least, most) = [(a or 0.0, b or 0.0) for a, b in bounds]
        held, classical = held + (low <= truth <= high), classical + (least <= truth <= most)
        reach = 1.96 * float(judge.std(ddof=1)) / len(judge) ** 0.5
        alone += abs(float(judge.mean()) - truth) <= reach
        widths += (high - low, most - least)
        weights += found.weight
    return held / RUNS, classical / RUNS, alone / RUNS, *(widths / RUNS), weights / RUNS


def sources(folder: Path | None) -> dict[str, tuple[Draw, float]]:
    """By name: how to draw, and the true mean of what people say."""
    many = float(likert(np.random.default_rng(2), 5_000_000)[0].mean())
    found: dict[str, tuple[Draw, float]] = {
        "right 9 times of 10": (noisy(0.7, 0.9, 0.1), 0.7),
        "lenient: passes half of the bad": (noisy(0.7, 0.97, 0.5), 0.7),
        "tosses a coin": (noisy(0.7, 0.5, 0.5), 0.7),
        "95 % pass, right 9 times of 10": (noisy(0.95, 0.9, 0.1), 0.95),
        "Likert, 0.7 of a step too kind": (likert, many),
    }
    if folder:
        rows = read(folder, "testset-v1.json")
        votes = [majority([row[f"annotator{one}"] for one in (1, 2, 3)]).label for row in rows]
        human = np.array([vote == 1 for vote in votes], np.float64)
        for name, file, key in (
            ("gpt-3.5", "gpt-3.5-turbo-testset-v1.json", "gpt_result"),
            ("PandaLM-7B", "pandalm-7b-testset-v1.json", "pandalm_result"),
        ):
            judge = np.array([str(row[key]) == "1" for row in read(folder, file)], np.float64)
            found[f"{name}: the first answer wins"] = real(human, judge), float(human.mean())
    return found


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print("| judge | prediction-powered | human labels alone | judge alone | width | as narrow as | weight |")
    print("|---|---|---|---|---|---|---|")
    for name, (draw, truth) in sources(folder).items():
        held, classical, alone, width, plain, weight = measured(draw, truth)
        many = LABELLED * (plain / width) ** 2
        print(
            f"| {name} | {held:.3f} | {classical:.3f} | {alone:.3f} | {width:.3f}, alone {plain:.3f} "
            f"| {many:.0f} labels | {weight:.2f} |"
        )


if __name__ == "__main__":
    main()
