#!/usr/bin/env python3
"""Trains the difficulty head that ships, and measures it on families of requests that it never saw.

    python benchmarks/difficulty/train.py [--write]

Penalty and threshold are chosen by leaving out one training family at a time; the held-out families are looked at once,
at the end. Intervals: 95 %, bootstrap over families (a family is one observation: its requests are alike).
"""

import argparse
import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from generate import HELD_OUT, Example, generate
from numpy.typing import NDArray

from pilothouse.gateway.routing.difficulty import FEATURES, INPUTS, VECTOR, row
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.models.heads import Head, fit
from pilothouse.types import ChatRequest

OUT = Path(__file__).parents[2] / "src" / "pilothouse" / "models" / "trained" / "difficulty.json"
PENALTIES = (3.0, 30.0, 300.0, 3000.0)
MISSED = 0.05
"""The share of hard requests that may be taken for easy ones, on the families left out of training."""

Rows = NDArray[np.float64]
VIEWS = {
    "length alone": [VECTOR],
    "features alone": list(range(VECTOR, len(INPUTS))),
    "vector alone": list(range(VECTOR)),
    "features and vector": list(range(len(INPUTS))),
}


async def rows_of(examples: Sequence[Example]) -> Rows:
    models = Path(os.environ.get("PILOTHOUSE_MODELS", ".pilothouse/models"))
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(models).ensure()))
    vectors = np.vstack([await encode([e.text for e in examples[i : i + 256]]) for i in range(0, len(examples), 256)])
    await encode.aclose()
    requests = [ChatRequest({"model": "m", "messages": [{"role": "user", "content": e.text}]}) for e in examples]
    return np.vstack([row(request, vector) for request, vector in zip(requests, vectors, strict=True)])


def auroc(scores: Rows, labels: Rows) -> float:
    """The chance that a hard request scores above an easy one (Mann-Whitney U, ties count half)."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    _, inverse, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks[order] = ((ends - counts + 1 + ends) / 2)[inverse]
    hard = labels == 1
    u = ranks[hard].sum() - hard.sum() * (hard.sum() + 1) / 2
    return float(u / (hard.sum() * (~hard).sum()))


def left_out(rows: Rows, labels: Rows, families: NDArray[np.str_], l2: float) -> Rows:
    """Each row's probability by a head that did not see its family."""
    chances = np.empty(len(rows))
    for family in np.unique(families):
        out = families == family
        mean, scale, weights, bias = fit(rows[~out], labels[~out], l2=l2)
        chances[out] = 1 / (1 + np.exp(-np.clip((rows[out] - mean) / scale @ weights + bias, -40, 40)))
    return chances


def log_loss(chances: Rows, labels: Rows) -> float:
    kept = np.clip(chances, 1e-6, 1 - 1e-6)
    return float(-(labels * np.log(kept) + (1 - labels) * np.log(1 - kept)).mean())


def interval(families: NDArray[np.str_], labels: Rows, measure: object) -> tuple[float, float]:
    source, values = random.Random(1), []
    easy = sorted(set(families[labels == 0]))
    hard = sorted(set(families[labels == 1]))
    for _ in range(1000):
        drawn = source.choices(easy, k=len(easy)) + source.choices(hard, k=len(hard))
        index = np.concatenate([np.flatnonzero(families == family) for family in drawn])
        values.append(measure(index))  # type: ignore[operator]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the head into the package")
    arguments = parser.parse_args()
    examples = list(generate())
    rows = asyncio.run(rows_of(examples))
    labels = np.array([float(e.hard) for e in examples])
    families = np.array([e.family for e in examples])
    held = np.isin(families, sorted(HELD_OUT))
    print(f"{len(examples)} requests; {held.sum()} of them in {len(HELD_OUT)} held-out families\n")
    print("| inputs | penalty | held-out AUROC | 95 % |\n|---|---|---|---|")
    for name, columns in VIEWS.items():
        train, told, who = rows[~held][:, columns], labels[~held], families[~held]
        l2 = min(PENALTIES, key=lambda l2: log_loss(left_out(train, told, who, l2), told))
        mean, scale, weights, bias = fit(train, told, l2=l2)
        scores = (rows[held][:, columns] - mean) / scale @ weights + bias
        low, high = interval(families[held], labels[held], lambda i, scores=scores: auroc(scores[i], labels[held][i]))
        print(f"| {name} | {l2:g} | {auroc(scores, labels[held]):.3f} | {low:.3f} to {high:.3f} |")
    chances = left_out(train, told, who, l2)
    threshold = float(f"{np.quantile(chances[told == 1], MISSED):.3g}")
    answers = 1 / (1 + np.exp(-np.clip(scores, -40, 40)))
    hard = labels[held] == 1
    missed, spared = (answers[hard] < threshold).mean(), (answers[~hard] < threshold).mean()
    print(f"\nthreshold {threshold} (at most {MISSED:.0%} of hard requests missed on families left out of training)")
    print(f"held out: {missed:.1%} of hard requests go to the simple model, {spared:.1%} of easy ones do")
    for family in sorted(HELD_OUT):
        index = families[held] == family
        kind = "hard" if labels[held][index][0] else "easy"
        print(f"  {family} ({kind}): {(answers[index] < threshold).mean():.1%} to the simple model")
    if arguments.write:
        card = {
            "trained_on": "requests generated by benchmarks/difficulty/generate.py; easy and hard by construction",
            "families": sorted(set(who)), "held_out_families": sorted(HELD_OUT), "requests": len(told),
            "held_out_auroc": round(auroc(scores, labels[held]), 3),
            "held_out_hard_to_simple": round(float(missed), 3), "held_out_easy_to_simple": round(float(spared), 3),
            "limits": "English only; hardness is the author's judgement. Train your own: pilothouse router train.",
            "features": list(FEATURES),
        }  # fmt: skip
        Head("difficulty", INPUTS, mean, scale, weights, bias, threshold, card).save(OUT)
        print(f"\nwritten to {OUT}")


if __name__ == "__main__":
    main()
