"""Topics of questions whose source is known: how well they part the sources, whether they stay, what they cost.

    python benchmarks/topics/run.py DATA MODELS

DATA is a folder with the files that sources.py names, MODELS the encoder's folder. Reports the held-out sources, which
nothing was chosen on, and the others for comparison.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy: seconds of one core

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sources import DEVELOPMENT, HELD_OUT, Read, questions

from pilothouse.models import Encoder, EncoderStore
from pilothouse.stats.clusters import Labels, Vectors, groups, laid_out, matched, partition, principal, unit
from pilothouse.stats.keywords import labelled

EACH, SEED, RESAMPLED = 400, 1, 1000


def table(one: Labels, other: Labels) -> NDArray[np.float64]:
    """How many are in each pair of groups, as shares."""
    counts = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(counts, (one, other), 1)
    return counts / len(one)


def information(shares: NDArray[np.float64]) -> float:
    """Normalised mutual information, by the mean of both entropies."""

    def entropy(p: NDArray[np.float64]) -> float:
        return float(-np.sum(p[p > 0] * np.log(p[p > 0])))

    own, other = entropy(shares.sum(axis=1)), entropy(shares.sum(axis=0))
    return 2 * (own + other - entropy(shares.ravel())) / max(own + other, 1e-12)


def purity(shares: NDArray[np.float64]) -> float:
    """The share that is of the commonest source of its topic."""
    return float(shares.max(axis=0).sum())


def interval(truth: Labels, found: Labels, measure: object) -> str:
    """A measure with the middle 95 % of it over resampled questions; the topics stay as they are."""
    random = np.random.default_rng(SEED)
    told = []
    for _ in range(RESAMPLED):
        some = random.integers(len(truth), size=len(truth))
        told.append(measure(table(truth[some], found[some])))  # type: ignore[operator]
    low, high = np.percentile(told, (2.5, 97.5))
    return f"{measure(table(truth, found)):.3f} ({low:.3f} to {high:.3f})"  # type: ignore[operator]


def centres_of(vectors: Vectors, found: Labels) -> Vectors:
    return unit(np.stack([vectors[found == k].mean(axis=0) for k in range(found.max() + 1)]))


def stays(vectors: Vectors, found: Labels) -> float:
    """The share of the first four fifths of the questions that have the same topic when the last fifth comes."""
    early = len(vectors) * 4 // 5
    before = partition(vectors[:early])
    now = partition(vectors, int(before.max()) + 1)
    known = matched(centres_of(vectors[:early], before), centres_of(vectors, now), 0.8)
    return float(np.mean([known.get(int(now[i])) == before[i] for i in range(early)]))


def apart(places: Vectors, found: Labels) -> float:
    """The share of questions whose own topic has the nearest middle on the map."""
    middles = np.stack([np.median(places[found == k], axis=0) for k in range(found.max() + 1)])
    return float(np.mean(((places[:, None] - middles) ** 2).sum(axis=2).argmin(axis=1) == found))


def report(name: str, data: Path, sources: dict[str, Read], encoder: Encoder) -> None:
    texts, of = questions(data, sources, EACH, SEED)
    names, truth = np.unique(of, return_inverse=True)
    started = time.process_time()
    vectors = encoder.encode(texts)
    embedded = time.process_time() - started
    found = partition(vectors)
    grouped = time.process_time() - started - embedded
    words = labelled(
        [[text for text, k in zip(texts, found, strict=True) if k == one] for one in range(found.max() + 1)]
    )
    print(f"\n{name}: {len(texts)} questions of {len(names)} sources, {found.max() + 1} topics")
    print(f"  NMI {interval(truth, found, information)}, purity {interval(truth, found, purity)}")
    told = groups(unit(principal(vectors, 16)), len(names))[0]
    print(
        f"  as many topics as sources: NMI {interval(truth, told, information)}, purity {interval(truth, told, purity)}"
    )
    centres = centres_of(vectors, found)
    flat, laid = apart(principal(vectors, 2), found), apart(laid_out(vectors, found, centres), found)
    print(
        f"  stay when a fifth comes: {stays(vectors, found):.3f}; apart on the map {laid:.3f}, by components {flat:.3f}"
    )
    print(f"  CPU: embedding {embedded:.2f} s ({1000 * embedded / len(texts):.1f} ms each), grouping {grouped:.2f} s")
    for one, told in enumerate(words):
        inside = {str(source): int(np.sum(truth[found == one] == n)) for n, source in enumerate(names)}
        print(f"  {sum(inside.values()):5}  {', '.join(told):40} { ({k: v for k, v in inside.items() if v}) }")


def large(vectors: Vectors, count: int = 30_000) -> None:
    """The seconds of a full sample of 30 days: the same vectors with noise, so many times."""
    random = np.random.default_rng(SEED)
    many = np.concatenate([vectors] * -(-count // len(vectors)))[:count]
    many = unit(many + 0.02 * random.normal(size=many.shape).astype(np.float32))
    started = time.process_time()
    found = partition(many)
    laid_out(many, found, centres_of(many, found))
    print(f"\n{count:,} vectors: {time.process_time() - started:.1f} s of one core to group and lay out")


def main() -> None:
    data, models = Path(sys.argv[1]), Path(sys.argv[2])
    encoder = Encoder(EncoderStore(models).ensure(), threads=1)
    encoder.load()
    report("Held out", data, HELD_OUT, encoder)
    report("Development", data, DEVELOPMENT, encoder)
    large(encoder.encode(questions(data, HELD_OUT, EACH, SEED)[0]))


if __name__ == "__main__":
    main()
