"""Whether the guard `confidence`, once calibrated, says what is so: on answers that it was not calibrated on.

    python benchmarks/guards/facts/calibrate.py HALUEVAL_QA.jsonl SCIFACT_FOLDER MODELS

An isotonic calibration is learnt from the even questions of HaluEval QA, each with its right and its wrong answer, and
held against the odd ones, and against SciFact's claims beside their own abstract or another's: another source, where
half are good, too. The expected calibration error has ten bins of equal width and a bootstrap interval of 95 %.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pilothouse.guards.facts.confidence import Confidence
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.protocols import Conversation, Models, Subject
from pilothouse.stats.calibrating import Isotonic, conformal_threshold
from pilothouse.stats.intervals import wilson_bounds
from pilothouse.stats.separating import calibration_error, reliability
from pilothouse.testing.record import new_call

CLAIMS = 120
RESAMPLES = 1000
MISS = 0.1
Sample = tuple[float, bool]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def signal(models: Models, text: str, question: str, passage: str) -> float | None:
    about = Conversation(question=question, passages=[passage], models=models)
    result = await Confidence().check(Subject(text, "output", "assistant", about))
    found = result.detail.get("signal")
    return None if found is None else float(found)


async def halueval(models: Models, rows: Sequence[Any]) -> list[Sample]:
    found = []
    for row in rows:
        for kind, good in (("right_answer", True), ("hallucinated_answer", False)):
            one = await signal(models, row[kind], row["question"], row["knowledge"])
            found += [] if one is None else [(one, good)]
    return found


async def scifact(models: Models, folder: Path) -> list[Sample]:
    texts = {str(row["_id"]): row["text"] for row in lines(folder / "corpus.jsonl")}
    rows = [row for row in lines(folder / "claims_evidence.jsonl") if row["label"] == "SUPPORT"][:CLAIMS]
    moved, found = [*rows[CLAIMS // 2 :], *rows[: CLAIMS // 2]], []
    for row, other in zip(rows, moved, strict=True):
        for doc, good in ((row["doc_id"], True), (other["doc_id"], False)):
            one = await signal(models, row["claim"], "", texts[doc])
            found += [] if one is None else [(one, good)]
    return found


def told(name: str, chances: np.ndarray[Any, Any], good: np.ndarray[Any, Any]) -> None:
    random, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        some = random.integers(len(chances), size=len(chances))
        drawn.append(calibration_error(chances[some], good[some]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    brier = float(((chances - good) ** 2).mean())
    print(
        f"{name}: ECE {calibration_error(chances, good):.3f} ({low:.3f} to {high:.3f}), Brier {brier:.3f}", flush=True
    )
    for said, was, count in reliability(chances, good):
        least, most = wilson_bounds(round(was * count), count, 1.96)
        print(f"    said {said:.2f}, was {was:.2f} ({least:.2f} to {most:.2f}), {count}", flush=True)


async def main(qa: Path, folder: Path, files: Path) -> None:
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(files).ensure(), threads=1))
    models, rows = Models(make_call=new_call, encode=encode), lines(qa)
    learnt_on = await halueval(models, rows[::2])
    learnt = Isotonic.fit([one for one, _ in learnt_on], [good for _, good in learnt_on])
    print(f"learnt from {len(learnt_on)} answers: {len(learnt.at)} steps")
    threshold = conformal_threshold([one for one, good in learnt_on if good], MISS)
    for name, samples in (("HaluEval QA, odd questions", await halueval(models, rows[1::2])),
                          ("SciFact", await scifact(models, folder))):  # fmt: skip
        signals, good = (np.array(part, dtype=float) for part in zip(*samples, strict=True))
        told(f"{name}, {len(signals)}, the signal itself", signals, good)
        told(f"{name}, {len(signals)}, calibrated", np.array([learnt.of(one) for one in signals]), good)
        missed, kept = int((signals[good == 1] < threshold).sum()), int((good == 1).sum())
        low, high = wilson_bounds(missed, kept, 1.96)
        caught = float((signals[good == 0] < threshold).mean())
        print(
            f"  conformal at {MISS}: good ones flagged {missed / kept:.3f} ({low:.3f} to {high:.3f}), bad {caught:.3f}"
        )
    await encode.aclose()


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:4])))
