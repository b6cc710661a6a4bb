"""Hit rate of the semantic cache at a false-hit rate under 1 %, on domains that its threshold was not calibrated on.

    python benchmarks/semantic_cache/bench.py

The embedded encoder is fetched and built first if it is not there.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from pairs import SEED, QuestionPair, pairs, questions

from pilothouse.cache.calibration import Pair, calibrate, exact_interval
from pilothouse.cache.memory_store import MemoryStore
from pilothouse.cache.semantic import SemanticIndex
from pilothouse.cache.vetoes import conflict
from pilothouse.models import Encoder, EncoderStore
from pilothouse.settings import Settings

MOST_FALSE = 0.01
PER_MEANING = 4  # questions of one meaning in the replay: the written ones, and some rewritten


def percent(share: float, interval: tuple[float, float]) -> str:
    return f"{share:7.2%} ({interval[0]:.2%} to {interval[1]:.2%})"


class Judged:
    """Pairs with their cosines and what the vetoes say."""

    def __init__(self, split: str, vectors: dict[str, np.ndarray]) -> None:
        self.given: Sequence[QuestionPair] = pairs(split)
        self.cosines = [float(vectors[p.one] @ vectors[p.other]) for p in self.given]
        self.vetoes = [conflict(p.one, p.other) for p in self.given]

    def labelled(self, *, vetoes: bool) -> list[Pair]:
        rows = zip(self.given, self.cosines, self.vetoes, strict=True)
        return [Pair(cosine, p.same, vetoes and veto is not None) for p, cosine, veto in rows]

    def row(self, threshold: float, *, vetoes: bool) -> str:
        labelled = self.labelled(vetoes=vetoes)
        served = [p for p in labelled if not p.vetoed and p.cosine >= threshold]
        hits, same = sum(p.same for p in served), sum(p.same for p in labelled)
        false = len(served) - hits
        hit = percent(hits / same, exact_interval(hits, same))
        wrong = percent(false / max(1, len(served)), exact_interval(false, len(served)))
        return f"{threshold:9.3f}  {hit:28}  {wrong:28}  {false:5d} of {len(served)}"

    def families(self, threshold: float) -> None:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for p, cosine, veto in zip(self.given, self.cosines, self.vetoes, strict=True):
            near = cosine >= threshold
            counts[p.family].update(pairs=1, near=near, served=near and veto is None, vetoed=veto is not None)
        print(f"\n{'family':28}{'pairs':>7}{'above':>9}{'vetoed':>9}{'served':>9}")
        for family, count in sorted(counts.items()):
            shares = (f"{count[what] / count['pairs']:9.1%}" for what in ("near", "vetoed", "served"))
            print(f"{family:28}{count['pairs']:7d}{''.join(shares)}")

    def worst(self, threshold: float, count: int = 10) -> None:
        rows = sorted(zip(self.cosines, self.given, self.vetoes, strict=True), key=lambda row: -row[0])
        print("\nfalse hits, the most similar first")
        for cosine, p, _ in [r for r in rows if not r[1].same and r[2] is None and r[0] >= threshold][:count]:
            print(f"  {cosine:.3f}  {p.one}  |  {p.other}")
        print("\nvetoed though they mean the same")
        dice = random.Random(SEED)
        lost = [row for row in rows if row[1].same and row[2] is not None and row[0] >= threshold]
        for cosine, p, veto in dice.sample(lost, min(count, len(lost))):
            print(f"  {cosine:.3f}  {veto:10} {p.one}  |  {p.other}")


def asked_of(split: str) -> list[tuple[str, str]]:
    """(question, meaning) of some questions of each meaning, in a random order."""
    dice = random.Random(SEED)
    by_meaning: dict[str, list[str]] = defaultdict(list)
    for rows in questions(split).values():
        for row in rows:
            by_meaning[row.meaning].append(row.text)
    asked = [(text, m) for m, texts in by_meaning.items() for text in dice.sample(texts, min(PER_MEANING, len(texts)))]
    dice.shuffle(asked)
    return asked


async def replay(split: str, threshold: float, vectors: dict[str, np.ndarray]) -> None:
    """Ask those questions of one cache that begins empty: each meets all that were asked before it."""
    index = SemanticIndex(MemoryStore(1 << 30))
    known: dict[str, str] = {}
    before: set[str] = set()
    wrong: list[str] = []
    hits = could = 0
    asked = asked_of(split)
    for number, (text, meaning) in enumerate(asked):
        could += meaning in before
        before.add(meaning)
        match = await index.nearest("c", text, vectors[text], threshold)
        if match is None:
            known[str(number)] = meaning
            await index.add("c", text, vectors[text], str(number), 3600)
        elif known[match.answer_key] == meaning:
            hits += 1
        else:
            wrong.append(f"  {match.cosine:.3f}  {match.question}  |  {text}")
    served = hits + len(wrong)
    print(
        f"\nreplay: {len(asked)} questions, {could} asked before in other words, {hits} right hits, {len(wrong)} false"
    )
    print(f"  hit rate {percent(hits / could, exact_interval(hits, could))}")
    print(f"  false-hit rate {percent(len(wrong) / max(1, served), exact_interval(len(wrong), served))}")
    print("\n".join(random.Random(SEED).sample(wrong, min(12, len(wrong)))))


def main() -> None:
    encoder = Encoder(EncoderStore(Settings.from_env().models_dir).ensure())
    texts = {
        text
        for split in ("calibration", "seen", "second", "third", "heldout")
        for p in pairs(split)
        for text in (p.one, p.other)
    }
    texts |= {text for text, _ in asked_of("heldout")}
    ordered = sorted(texts)
    start = time.perf_counter()
    vectors = dict(zip(ordered, encoder.encode(ordered), strict=True))
    print(f"{len(ordered)} questions encoded in {time.perf_counter() - start:.0f} s")
    calibration, heldout = Judged("calibration", vectors), Judged("heldout", vectors)
    for name, judged in (("calibration", calibration), ("heldout", heldout)):
        same = sum(p.same for p in judged.given)
        print(f"{name}: {same} pairs that mean the same, {len(judged.given) - same} near misses")
    chosen = {}
    for vetoes in (True, False):
        chosen[vetoes] = calibrate(calibration.labelled(vetoes=vetoes), MOST_FALSE)
    print(f"\n{'':24}{'threshold':>9}  {'hit rate':28}  {'false-hit rate':28}")
    for name, judged in (("calibration", calibration), ("heldout", heldout)):
        for vetoes, found in chosen.items():
            label = f"{name}, {'vetoes' if vetoes else 'no vetoes'}"
            print(f"{label:24}{judged.row(found.threshold, vetoes=vetoes) if found else '     none keeps within 1 %'}")
    print(f"{'heldout, vetoes':24}{heldout.row(0.95, vetoes=True)}")
    print(f"{'heldout, no vetoes':24}{heldout.row(0.95, vetoes=False)}")
    if (found := chosen[True]) is not None:
        heldout.families(found.threshold)
        heldout.worst(found.threshold)
        asyncio.run(replay("heldout", found.threshold, vectors))


if __name__ == "__main__":
    main()
