#!/usr/bin/env python3
"""Trains the toxicity head that ships, and measures it on tweets left out and on texts of another source.

python benchmarks/guards/toxicity.py DATA [--cache DIR] [--write]
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from measuring import between, joined, line, weighed
from sources import INJECTION, TOXICITY, Source, load

from pilothouse.guards.heads.toxicity import Toxicity
from pilothouse.guards.heads.training import bag_scores
from pilothouse.stats.separating import auroc, recall_at, threshold_at

OUT = Path(__file__).parents[2] / "src" / "pilothouse" / "models" / "trained" / "toxicity.json"
PENALTIES = (30.0, 300.0, 3000.0)
RATE = 0.05
COPIES = 6
"""Times that generated texts count, so that they weigh about as much as the tweets."""
BENIGN = ("generated", "benign_user_queries", "halueval_questions", "pandalm_instructions", "scifact_claims")


def split(source: Source) -> tuple[Source, Source]:
    """Four fifths to learn from, the rest to choose by."""
    out = np.random.default_rng(2).random(len(source.texts)) < 0.2
    return source.only(~out), source.only(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pilothouse-guards"))
    parser.add_argument("--write", action="store_true", help="write the head into the package")
    arguments = parser.parse_args()
    reads = TOXICITY | {name: INJECTION[name] for name in BENIGN}
    there = {name: load(name, read, arguments.data, arguments.cache) for name, read in reads.items()}
    tweets, few = split(there["tweets_train"]), [split(there[name]) for name in ("civil_train", "hurtful_train")]
    benign = split(there["generated"].negative)
    learn = joined([tweets[0], benign[0], *(one[0] for one in few for _ in range(COPIES))])
    choose = joined([tweets[1], benign[1], *(one[1] for one in few for _ in range(COPIES))])
    whole = joined([learn, choose])
    worth = {}
    for l2 in PENALTIES:
        scores = bag_scores(weighed("toxicity", learn, l2), choose.bags)
        worth[l2] = auroc(scores[choose.labels == 1], scores[choose.labels == 0])
    l2 = max(worth, key=lambda one: worth[one])
    scores = bag_scores(weighed("toxicity", learn, l2), choose.bags)
    threshold = float(f"{threshold_at(scores[choose.labels == 0], RATE):.3g}")
    head = replace(weighed("toxicity", whole, l2), threshold=threshold)
    print(f"penalty {l2:g}, threshold {threshold}: {len(whole.texts)} texts\n")
    print("| test | toxic / not | AUROC | recall at 1 % FPR | recall at the threshold |\n|---|---|---|---|---|")
    of = {name: bag_scores(head, source.bags) for name, source in there.items()}
    card: dict[str, object] = {"penalty": l2}
    for name in ("tweets_test", "generated_test"):
        labels = there[name].labels
        positive, negative = of[name][labels == 1], of[name][labels == 0]
        print(line(name, positive, negative, threshold))
        card[name] = {
            "auroc": round(auroc(positive, negative), 3),
            "recall_at_1_percent_fpr": round(recall_at(positive, negative), 2),
        }
    print("\n| texts | number | taken for toxic by the head | 95 % | by the list |\n|---|---|---|---|---|")
    flagged = {}
    for name in ("tweets_test", "generated_test", *BENIGN[1:]):
        groups = np.array(there[name].groups)
        kinds = sorted(set(groups)) if name in TOXICITY else [""]
        for kind in kinds:
            at = groups == kind if kind else np.ones(len(groups), dtype=bool)
            hits = of[name][at] >= threshold
            listed = np.mean([bool(Toxicity.said(there[name].texts[i])) for i in np.flatnonzero(at)])
            flagged[f"{name} {kind}".strip()] = round(float(hits.mean()), 3)
            print(f"| {name} {kind} | {at.sum()} | {hits.mean():.1%} | {between(hits)} | {listed:.1%} |")
    if arguments.write:
        replace(head, card=card | {"taken_for_toxic": flagged} | ABOUT).save(OUT)
        print(f"\nwritten to {OUT}")


ABOUT = {
    "trained_on": "half of a sample of t-davidson/hate-speech-and-offensive-language (MIT), own generated texts that "
    "hurt (hurtful.yaml) and that do not (civil.yaml, benign.yaml), all CC0",
    "licence": "as the package; the encoder's licence is its own",
    "encoder": "all-MiniLM-L6-v2, 384 dimensions; pieces of 800 characters, the highest score counts",
    "fails": "The labels are of American tweets of 2017, chosen by words of a hate lexicon: figures on tweets left out "
    "say little of other texts. Labels of that set are known to be biased against African American English.",
}

if __name__ == "__main__":
    main()
