#!/usr/bin/env python3
"""What fitting a head to a tenant's own labelled texts brings: recall at 1 % false positives before and after.

    python benchmarks/guards/calibration.py DATA [--cache DIR]

Half of a source that no head was trained on is the tenant's traffic; the head is fitted to some of that half and
measured on the other half. Ten draws each; the range is that of the draws.
"""

import argparse
from pathlib import Path

import numpy as np
from measuring import joined
from sources import INJECTION, Source, load

from pilothouse.errors import InvalidRequest
from pilothouse.guards.heads.training import Labelled, bag_scores, calibrate
from pilothouse.models.heads import Head
from pilothouse.stats.separating import auroc, recall_at

TENANTS = {
    "jailbreaks among questions": ("jailbreak_inthewild", "benign_user_queries"),
    "jailbreaks among long texts": ("jailbreak_inthewild", "scifact_abstracts", "sec10q_pages", "halueval_passages"),
}
SIZES = (0, 40, 100, 300)
DRAWS = 10


def halves(source: Source, seed: int) -> tuple[Source, Source]:
    out = np.random.default_rng(seed).random(len(source.texts)) < 0.5
    return source.only(~out), source.only(out)


def fitted(head: Head, traffic: Source, size: int, seed: int) -> Head:
    """To so many texts of each label."""
    random = np.random.default_rng(seed)
    at = np.concatenate([
        random.permutation(np.flatnonzero(traffic.labels == label))[: size // 2] for label in (0, 1)
    ])  # fmt: skip
    some = traffic.only(at)
    examples = [Labelled(text, int(label)) for text, label in zip(some.texts, some.labels, strict=True)]
    return calibrate(head, examples, some.bags)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pilothouse-guards"))
    arguments = parser.parse_args()
    head = Head.shipped("injection")
    print("| traffic | texts fitted to | AUROC | recall at 1 % FPR | FPR at its threshold | recall there |")
    print("|---|---|---|---|---|---|")
    for name, parts in TENANTS.items():
        whole = joined([load(one, INJECTION[one], arguments.data, arguments.cache) for one in parts])
        for size in SIZES:
            figures = []
            for seed in range(DRAWS if size else 1):
                traffic, test = halves(whole, seed)
                try:
                    made = fitted(head, traffic, size, seed) if size else head
                except InvalidRequest:
                    continue
                scores = bag_scores(made, test.bags)
                positive, negative = scores[test.labels == 1], scores[test.labels == 0]
                figures.append([
                    auroc(positive, negative), recall_at(positive, negative),
                    float((negative >= made.threshold).mean()), float((positive >= made.threshold).mean()),
                ])  # fmt: skip
            told = [f"{np.mean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in zip(*figures, strict=True)]
            print(f"| {name} | {size or 'none: as it ships'} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
