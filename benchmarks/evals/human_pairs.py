"""Two judges against people on 999 pairs of answers: agreement, the pull of length, a ranking of the models.

    python benchmarks/evals/human_pairs.py DATA

DATA is the folder with PandaLM's three files of labels (see README.md). All figures are by pilothouse.stats.
"""

import json
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from pilothouse.stats.agreement import Agreement, Label, cohen, fleiss, krippendorff, majority, raw_agreement
from pilothouse.stats.intervals import Interval, wilson
from pilothouse.stats.paired import compare_passes
from pilothouse.stats.ranking import Game, bradley_terry

NAMES = {"1": 1, "2": 2, "Tie": 0}
SPOILED = -1  # what is no label is wrong, whatever the people said


def told(one: Interval | Agreement) -> str:
    """A value with its bounds."""
    return f"{one.value:.4f} ({one.low:.3f} to {one.high:.3f})"


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one file, by their number."""
    return sorted(json.loads((folder / name).read_text()), key=lambda row: row["idx"])


def longer(row: dict[str, Any], equal: int) -> int:
    """Which answer has more characters."""
    one, other = (len(str(row[key])) for key in ("response1", "response2"))
    return equal if one == other else 1 if one > other else 2


def lengths(rows: list[dict[str, Any]], labels: list[Any]) -> Interval:
    """How often the longer answer wins where one wins and one is longer."""
    decided = [(longer(row, 0), label) for row, label in zip(rows, labels, strict=True) if label in (1, 2)]
    unequal = [(long, label) for long, label in decided if long]
    return wilson(sum(long == label for long, label in unequal), len(unequal))


def ranking(rows: list[dict[str, Any]], labels: list[Any]) -> str:
    """The models by Bradley-Terry, on the scale of chess."""
    games: list[Game] = []
    for row, label in zip(rows, labels, strict=True):
        if label in (0, 1, 2):
            one, other = row["cmp_key"].split("_")
            games.append((one, other, {1: 1.0, 2: 0.0, 0: 0.5}[label]))
    found = bradley_terry(games)
    return ", ".join(f"{one.rank} {one.name} {one.elo:.0f}" for one in found.rated)


def main(folder: Path) -> None:
    """Print all tables."""
    rows = read(folder, "testset-v1.json")
    people: list[list[Label]] = [[row[f"annotator{one}"] for one in (1, 2, 3)] for row in rows]
    votes = [majority(item) for item in people]
    human = [vote.label for vote in votes if vote.label is not None]
    assert len(human) == len(rows), "some pairs have no majority"
    gpt: list[Label] = [NAMES.get(row["gpt_result"], SPOILED) for row in read(folder, "gpt-3.5-turbo-testset-v1.json")]
    panda: list[Label] = [row["pandalm_result"] for row in read(folder, "pandalm-7b-testset-v1.json")]
    print("majority", {label: human.count(label) for label in (1, 2, 0)}, "spoiled", gpt.count(SPOILED))

    print("\n| | agreement | kappa |\n|---|---|---|")
    for one, other in combinations(range(3), 2):
        first, second = [item[one] for item in people], [item[other] for item in people]
        print(
            f"| people {one + 1}, {other + 1} | {told(raw_agreement(first, second))} | {told(cohen(first, second))} |"
        )
    judges = {
        "gpt-3.5": gpt,
        "PandaLM-7B": panda,
        "the longer, else the second": [longer(row, 2) for row in rows],
        "the longer, else a tie": [longer(row, 0) for row in rows],
    }
    for name, labels in judges.items():
        print(f"| {name}, majority | {told(raw_agreement(labels, human))} | {told(cohen(labels, human))} |")
    print(f"\nFleiss' kappa of the three: {told(fleiss(people, np.random.default_rng(1)))}")
    print(f"Krippendorff's alpha: {told(krippendorff(people, random=np.random.default_rng(1)))}")

    right = {name: [a == b for a, b in zip(labels, human, strict=True)] for name, labels in judges.items()}
    both = compare_passes(right["PandaLM-7B"], right["gpt-3.5"])
    print(f"gpt-3.5 agrees more often than PandaLM-7B by {told(both.difference)}, p = {both.p:.3f}")

    print("\n| | the longer answer wins | ranking |\n|---|---|---|")
    for name, labels in {"people": human, "gpt-3.5": gpt, "PandaLM-7B": panda}.items():
        print(f"| {name} | {told(lengths(rows, labels))} | {ranking(rows, labels)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
