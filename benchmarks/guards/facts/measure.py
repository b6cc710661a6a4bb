"""How well the guards over claims part what passages carry from what they do not, on data that they were not tuned on.

    python benchmarks/guards/facts/measure.py HALUEVAL_QA.jsonl SCIFACT_FOLDER MODELS

HaluEval's questions are split in two by their place: thresholds are looked at on the even ones, figures are of the odd
ones. Its wrong answers are longer than the right ones, so that length alone tells them apart; those pairs alone count
that have as many words. SciFact's claims stand beside their own abstract, which supports or contradicts them, or beside
another claim's. For citations each claim has five passages, its own abstract among four others.

Areas under the ROC curve have bootstrap intervals over questions or claims, shares Wilson's; both of 95 %.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pilothouse.guards.facts.citations import Citations
from pilothouse.guards.facts.claims import claims
from pilothouse.guards.facts.evidence import Evidence
from pilothouse.guards.facts.grounding import Grounding
from pilothouse.guards.facts.relevance import Relevance
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.overlap.tokens import words
from pilothouse.protocols import Conversation, Models, Subject
from pilothouse.stats.intervals import wilson_bounds
from pilothouse.testing.record import new_call

CLAIMS = 250
OTHERS = 4
RESAMPLES = 2000
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def area(good: Any, bad: Any) -> float:
    """How often a good one has more than a bad one, ties by half."""
    one, other = np.asarray(good), np.sort(np.asarray(bad))
    return float((np.searchsorted(other, one, "left") + np.searchsorted(other, one, "right")).mean() / 2 / len(other))


def told_area(name: str, good: Sequence[float], bad: Sequence[float], *, paired: bool) -> None:
    random, one, other = np.random.default_rng(0), np.array(good), np.array(bad)
    areas = []
    for _ in range(RESAMPLES):
        drawn = random.integers(len(one), size=len(one))
        areas.append(area(one[drawn], other[drawn if paired else random.integers(len(other), size=len(other))]))
    low, high = np.quantile(areas, (0.025, 0.975))
    print(f"{name} ({len(one)} and {len(other)}): AUROC {area(one, other):.3f} ({low:.3f} to {high:.3f})", flush=True)


def told_share(name: str, hits: int, of: int) -> None:
    low, high = wilson_bounds(hits, of, 1.96)
    print(f"  {name}: {hits} of {of}, {hits / max(1, of):.3f} ({low:.3f} to {high:.3f})", flush=True)


class Bench:
    def __init__(self, encode: BatchingEncoder) -> None:
        self.models = Models(make_call=new_call, encode=encode)
        self.encode = encode

    async def figure(self, text: str, question: str, passages: Sequence[str]) -> float:
        """How far the passages carry a text taken as one claim."""
        (one,) = await Evidence(passages).carries([text], question, self.encode)
        return one.together

    def subject(self, text: str, question: str, passages: Sequence[str] = ()) -> Subject:
        about = Conversation(question=question, passages=passages, models=self.models)
        return Subject(text, "output", "assistant", about)

    async def halueval(self, rows: list[Any]) -> None:
        same = [row for row in rows if len(words(row["right_answer"])) == len(words(row["hallucinated_answer"]))]
        for name, part in (("all", rows), ("as many words", same)):
            right = [await self.figure(row["right_answer"], row["question"], [row["knowledge"]]) for row in part]
            wrong = [await self.figure(row["hallucinated_answer"], row["question"], [row["knowledge"]]) for row in part]
            told_area(f"HaluEval QA, {name}", right, wrong, paired=True)
            if name == "as many words":
                for threshold in THRESHOLDS:
                    print(f"  at {threshold}:", end="")
                    told_share("wrong ones stopped", sum(one < threshold for one in wrong), len(wrong))
                    told_share("right ones stopped", sum(one < threshold for one in right), len(right))
        looked = sum(bool(claims(row["right_answer"])) for row in rows)
        told_share("right answers that are a claim (two content words)", looked, len(rows))

    async def scifact(self, rows: list[Any], texts: dict[str, str]) -> None:
        support = [row for row in rows if row["label"] == "SUPPORT"][:CLAIMS]
        contradict = [row for row in rows if row["label"] == "CONTRADICT"][:CLAIMS]
        own = [await self.figure(row["claim"], "", [texts[row["doc_id"]]]) for row in support]
        against = [await self.figure(row["claim"], "", [texts[row["doc_id"]]]) for row in contradict]
        moved = [*support[len(support) // 2 :], *support[: len(support) // 2]]
        other = [
            await self.figure(row["claim"], "", [texts[there["doc_id"]]])
            for row, there in zip(support, moved, strict=True)
        ]
        told_area("SciFact, own abstract or another's", own, other, paired=True)
        for threshold in THRESHOLDS:
            print(f"  at {threshold}:", end="")
            told_share("beside another's abstract stopped", sum(one < threshold for one in other), len(other))
            told_share("beside their own stopped", sum(one < threshold for one in own), len(own))
        told_area("SciFact, supported or contradicted", own, against, paired=False)
        await self.citations(support, texts)

    async def citations(self, rows: list[Any], texts: dict[str, str]) -> None:
        random = np.random.default_rng(0)
        docs = sorted({row["doc_id"] for row in rows})
        passed = caught = best = whole = 0
        for row in rows:
            others = [doc for doc in random.permutation(docs) if doc != row["doc_id"]][:OTHERS]
            place = int(random.integers(OTHERS + 1))
            passages = [texts[doc] for doc in [*others[:place], row["doc_id"], *others[place:]]]
            claim = row["claim"].rstrip(".")
            wrong = (place + 1) % (OTHERS + 1)
            guard = Citations()
            for cited in (place, wrong):
                result = await guard.check(self.subject(f"{claim} [{cited + 1}].", "", passages))
                if cited == place:
                    passed += result.status == "passed"
                else:
                    caught += result.status == "triggered"
            bare = await guard.check(self.subject(f"{claim}.", "", passages))
            best += bare.repaired == f"{claim} [{place + 1}]."
            whole += bare.repaired is not None and "[uncited]" not in bare.repaired
        print(f"SciFact, citations at {Citations().threshold} among {OTHERS + 1} passages", flush=True)
        told_share("right citations let pass", passed, len(rows))
        told_share("wrong citations caught", caught, len(rows))
        told_share("missing citations put in", whole, len(rows))
        told_share("... and right", best, whole)

    async def relevance(self, rows: list[Any]) -> None:
        rows = [row for row in rows if len(words(row["hallucinated_answer"])) >= 8]
        moved = [*rows[len(rows) // 2 :], *rows[: len(rows) // 2]]
        near, far = list[float](), list[float]()
        for row, other in zip(rows, moved, strict=True):
            own = await Relevance().check(self.subject(row["hallucinated_answer"], row["question"]))
            away = await Relevance().check(self.subject(other["hallucinated_answer"], row["question"]))
            if own.score is not None and away.score is not None:
                near.append(1 - own.score)
                far.append(1 - away.score)
        told_area("HaluEval QA, relevance of one's own answer or another's", near, far, paired=True)
        for threshold in (0.1, 0.2, 0.3, 0.4):
            print(f"  at {threshold}:", end="")
            told_share("another's stopped", sum(one < threshold for one in far), len(far))
            told_share("own stopped", sum(one < threshold for one in near), len(near))


async def main(halueval: Path, scifact: Path, folder: Path) -> None:
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(folder).ensure(), threads=1))
    bench, rows = Bench(encode), lines(halueval)
    print("== even questions, looked at for thresholds")
    await bench.halueval(rows[::2])
    await bench.relevance(rows[::2])
    print("== odd questions and SciFact, not looked at for thresholds")
    await bench.halueval(rows[1::2])
    await bench.relevance(rows[1::2])
    texts = {str(row["_id"]): row["text"] for row in lines(scifact / "corpus.jsonl")}
    await bench.scifact(lines(scifact / "claims_evidence.jsonl"), texts)
    row, start = rows[1], time.process_time()
    for _ in range(20):
        await Grounding().check(bench.subject(row["hallucinated_answer"], row["question"], [row["knowledge"]]))
    print(f"CPU per answer with a new conversation: {(time.process_time() - start) / 20 * 1e3:.0f} ms")
    await encode.aclose()


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:4])))
