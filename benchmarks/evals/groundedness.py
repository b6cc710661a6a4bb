"""How well groundedness without a judge parts what a context supports from what it does not.

    python benchmarks/evals/groundedness.py HALUEVAL_QA.jsonl SCIFACT_FOLDER MODELS

The area under the ROC curve of `groundedness_offline`, of its two parts, and of the length of the answer alone: where
that does as well, the data say nothing. So answers to HaluEval's questions are compared once more where the right and
the wrong one have as many words. SciFact's claims stand beside their own abstract, which supports or contradicts them,
and beside another claim's. Each area has its 95 % interval.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pilothouse.evals.groundedness import GroundednessOffline
from pilothouse.evals.shapes import Case, Models
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.overlap.tokens import words
from pilothouse.testing.record import new_call

CLAIMS = 200
RESAMPLES = 2000
PARTS = ("score", "shared_words", "similarity", "shorter")


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def area(good: Iterable[float], bad: Iterable[float]) -> float:
    """How often a good one has more than a bad one, ties by half."""
    one, other = np.array(list(good)), np.sort(np.array(list(bad)))
    fewer, as_many = (np.searchsorted(other, one, side) for side in ("left", "right"))  # type: ignore[call-overload]
    return float((fewer + as_many).mean() / 2 / len(other))


def bounds(good: list[float], bad: list[float], paired: bool) -> tuple[float, float]:
    """The 95 % interval of `area`, by a bootstrap: over questions where the two of a place are of one."""
    random, one, other = np.random.default_rng(0), np.array(good), np.array(bad)
    areas = []
    for _ in range(RESAMPLES):
        drawn = random.integers(len(one), size=len(one))
        areas.append(area(one[drawn], other[drawn if paired else random.integers(len(other), size=len(other))]))
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(low), float(high)


async def figures(cases: list[Case], models: Models) -> list[dict[str, float]]:
    evaluator, found = GroundednessOffline(), []
    for case in cases:
        verdict = await evaluator.evaluate(case, models)
        shared, near = verdict.detail.get("shared_words"), verdict.detail.get("similarity", 0.0)
        figures = {"score": verdict.score or 0.0, "similarity": near, "shorter": -float(len(case.output))}
        found.append({**figures, "shared_words": near if shared is None else shared})
    return found


def told(name: str, good: list[dict[str, float]], bad: list[dict[str, float]], paired: bool = True) -> None:
    print(f"{name} ({len(good)} and {len(bad)})", flush=True)
    for part in PARTS:
        one, other = [g[part] for g in good], [b[part] for b in bad]
        low, high = bounds(one, other, paired)
        print(f"  {part} {area(one, other):.3f} ({low:.3f} to {high:.3f})", flush=True)


async def main(halueval: Path, scifact: Path, folder: Path) -> None:
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(folder).ensure(), threads=1))
    models = Models(make_call=new_call, encode=encode)

    rows = lines(halueval)
    right = await figures([answer(row, "right_answer") for row in rows], models)
    wrong = await figures([answer(row, "hallucinated_answer") for row in rows], models)
    told("HaluEval QA, all", right, wrong)
    same = [
        at for at, row in enumerate(rows) if len(words(row["right_answer"])) == len(words(row["hallucinated_answer"]))
    ]
    told("HaluEval QA, as many words", [right[at] for at in same], [wrong[at] for at in same])

    texts = {str(row["_id"]): row["text"] for row in lines(scifact / "corpus.jsonl")}
    claims = lines(scifact / "claims_evidence.jsonl")
    support, contradict = (
        [claim for claim in claims if claim["label"] == label][:CLAIMS] for label in ("SUPPORT", "CONTRADICT")
    )
    supported = await figures([stated(claim, texts[claim["doc_id"]]) for claim in support], models)
    told("SciFact, supported or contradicted", supported, await figures(
        [stated(claim, texts[claim["doc_id"]]) for claim in contradict], models
    ), paired=False)  # fmt: skip
    others = support[CLAIMS // 2 :] + support[: CLAIMS // 2]
    told("SciFact, own abstract or another's", supported, await figures(
        [stated(claim, texts[other["doc_id"]]) for claim, other in zip(support, others, strict=True)], models
    ))  # fmt: skip
    await encode.aclose()


def answer(row: Any, kind: str) -> Case:
    return Case(id="1", input=row["question"], output=row[kind], context=(row["knowledge"],))


def stated(claim: Any, text: str) -> Case:
    return Case(id="1", input="", output=claim["claim"], context=(text,))


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:4])))
