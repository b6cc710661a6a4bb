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
from msgspec.structs import replace

from pilothouse.evals.cards.board import Duel, leaderboard
from pilothouse.evals.cards.card import Card, JudgeId, make_card
from pilothouse.evals.cards.estimating import estimate
from pilothouse.evals.cards.ratings import LOSS, TIE, WIN, Rating, settled
from pilothouse.evals.cards.trusting import objection
from pilothouse.stats.agreement import Agreement, Label, cohen, fleiss, krippendorff, majority, raw_agreement
from pilothouse.stats.intervals import Interval
from pilothouse.stats.paired import compare_passes

NAMES = {"1": 1, "2": 2, "Tie": 0}
WORDS: dict[Label, str] = {1: WIN, 2: LOSS, 0: TIE}
SPOILED = -1  # what is no label is wrong, whatever the people said


def told(one: Interval | Agreement | None) -> str:
    """A value with its bounds."""
    return "" if one is None else f"{one.value:.4f} ({one.low:.3f} to {one.high:.3f})"


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one file, by their number."""
    return sorted(json.loads((folder / name).read_text()), key=lambda row: row["idx"])


def longer(row: dict[str, Any], equal: int) -> int:
    """Which answer has more characters."""
    one, other = (len(str(row[key])) for key in ("response1", "response2"))
    return equal if one == other else 1 if one > other else 2


def ranking(rows: list[dict[str, Any]], labels: list[Label]) -> str:
    """The models by Bradley-Terry, on the scale of chess, each with the ranks that it may have."""
    duels = []
    for row, label in zip(rows, labels, strict=True):
        if label in WORDS:
            one, other = row["cmp_key"].split("_")
            duels.append(Duel(one=one, other=other, won=label == 1, lost=label == 2, tied=label == 0))
    found = leaderboard(duels).standings
    return ", ".join(f"{one.name} {one.elo:.0f} ({one.rank} to {one.worst})" for one in found)


def ratings(rows: list[dict[str, Any]], people: list[list[Label]], judge: list[Label]) -> list[Rating]:
    """What a judge and people said of the first answer against the second."""
    found = []
    for row, item, label in zip(rows, people, judge, strict=True):
        votes = tuple(WORDS[one] for one in item)
        found.append(Rating(
            item=str(row["idx"]), judge=WORDS.get(label), people=settled(votes, "pairs"), votes=votes,
            lengths=(len(str(row["response1"])), len(str(row["response2"]))), models=tuple(row["cmp_key"].split("_")),
        ))  # fmt: skip
    return found


def show_cards(cards: dict[str, Card]) -> None:
    """The cards side by side, a line for each thing that they tell."""
    told_of = {
        "answers that are no verdict": [str(one.failed) for one in cards.values()],
        "agreement": [told(one.agreement) for one in cards.values()],
        "kappa": [told(one.kappa) for one in cards.values()],
        "people among themselves (alpha)": [told(one.among_people) for one in cards.values()],
        "agreement of a judge that takes the longer answer": [told(one.always_longer) for one in cards.values()],
    }
    for name, leaning in (("the longer answer wins", "length"), ("answers of LLaMA win", "own")):
        found = [getattr(one, leaning) for one in cards.values()]
        told_of[f"{name}: judge"] = [told(one.judge) if one else "" for one in found]
        told_of[f"{name}: people"] = [told(one.people) if one else "" for one in found]
        told_of[f"{name}: judge less people, both decided"] = [
            f"{told(one.difference)}, p = {one.p:.2g}, {one.n} pairs" if one else "" for one in found
        ]
    told_of["may gate at 0.4"] = ["no" if objection("judge", one, 0.4) else "yes" for one in cards.values()]
    print(f"\n| | {' | '.join(cards)} |\n|---|{'---|' * len(cards)}")
    for name, cells in told_of.items():
        print(f"| {name} | {' | '.join(cells)} |")


def show_estimates(pairs: dict[str, list[Rating]], labelled: int = 200) -> None:
    """How often the first answer wins, ties one half: from the labels of some pairs and the verdicts on all."""
    random = np.random.default_rng(1)
    print(f"\n| {labelled} labels | both together | labels alone | as narrow as | all labels |\n|---|---|---|---|---|")
    for name, all_pairs in pairs.items():
        some = set(random.choice(len(all_pairs), labelled, replace=False).tolist())
        few = [one if place in some else replace(one, people=None) for place, one in enumerate(all_pairs)]
        truth = np.mean([{WIN: 1.0, TIE: 0.5, LOSS: 0.0}[str(one.people)] for one in all_pairs])
        found = estimate(few, "pairs")
        print(f"| {name} | {told(found.together)} | {told(found.people)} | {found.worth} labels | {truth:.4f} |")


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

    made = {
        "gpt-3.5, 25 spoiled left out": (gpt, "gpt-3.5-turbo", False), "gpt-3.5": (gpt, "gpt-3.5-turbo", True),
        "PandaLM-7B": (panda, "llama-7b tuned as PandaLM", True),
    }  # fmt: skip
    show_cards({
        name: make_card(
            ratings(rows, people, labels), JudgeId(model=model, kind="pairwise", options=""), "pairs",
            failures_disagree=strict,
        )
        for name, (labels, model, strict) in made.items()
    })  # fmt: skip
    print("\n| | ranking: strength, ranks it may have |\n|---|---|")
    for name, labels in {"people": human, "gpt-3.5": gpt, "PandaLM-7B": panda}.items():
        print(f"| {name} | {ranking(rows, labels)} |")
    show_estimates({name: ratings(rows, people, labels) for name, labels in (("gpt-3.5", gpt), ("PandaLM-7B", panda))})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
