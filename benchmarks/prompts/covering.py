"""Few-shot examples chosen by coverage beside examples drawn at random, where the nearest example is the answer.

    python benchmarks/prompts/covering.py PATH [SPLITS]

PATH holds `chunking_eval/questions.csv`, `toxicity_davidson`, `jailbreak_inthewild`, `harmful_requests` and
`benign_user_queries` (`data.jsonl` each). The "model" answers with the label of the example in its prompt that is
nearest to the input. So it is the choice of examples that is measured, and nothing else. Nearest is told by the vectors
that the choice was made by (`vectors`), and by weighted words, which the choice knows nothing of (`words`).
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy

import csv
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pilothouse.evals.datasets.near import normalised
from pilothouse.evals.datasets.sampling import diverse, stratified
from pilothouse.lifecycle.optimizing.covering import covering
from pilothouse.models import Encoder, EncoderStore
from pilothouse.settings import Settings

Floats = npt.NDArray[np.float32]
Choose = Callable[[Floats, list[str], int, np.random.Generator], list[int]]

SEED, MOST, LONGEST = 20261128, 1500, 1000  # texts of a task, characters of a text
TRAIN, HELD = 120, 80  # of the 200 cases that a search takes by default, 60 to 40
COUNTS = (4, 8, 16)


@dataclass(frozen=True)
class Task:
    """Texts with their labels, and both kinds of vectors, L2-normalised."""

    name: str
    labels: list[str]
    vectors: Floats
    words: Floats


def jsonl(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def labelled(root: Path) -> dict[str, list[tuple[str, str]]]:
    """The three tasks: which of five texts a question is about; whether a tweet is hateful, offensive or neither;
    whether a request is a jailbreak, harmful or neither."""
    with (root / "chunking_eval" / "questions.csv").open(encoding="utf-8") as file:
        questions = [(row["question"], row["corpus_id"]) for row in csv.DictReader(file)]
    tweets = [(row["text"], row["class"]) for row in jsonl(root / "toxicity_davidson" / "data.jsonl")]
    requests = [
        (row["text"], kind)
        for kind in ("jailbreak_inthewild", "harmful_requests", "benign_user_queries")
        for row in jsonl(root / kind / "data.jsonl")[:700]
    ]
    return {"questions": questions, "tweets": tweets, "requests": requests}


def weighted(texts: list[str]) -> Floats:
    """Words by their frequency in a text times how rare they are (tf-idf)."""
    counts = [Counter(re.findall(r"\w+", text.lower())) for text in texts]
    among = Counter(word for one in counts for word in one)
    place = {word: number for number, word in enumerate(among)}
    made = np.zeros((len(texts), len(place)), dtype=np.float32)
    for row, one in enumerate(counts):
        for word, count in one.items():
            made[row, place[word]] = (1 + math.log(count)) * math.log((1 + len(texts)) / among[word])
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def tasks(root: Path, random: np.random.Generator) -> list[Task]:
    encoder = Encoder(EncoderStore(Settings.from_env().models_dir).ensure())
    made = []
    for name, found in labelled(root).items():
        once = list({normalised(text): (text[:LONGEST], label) for text, label in found}.values())
        chosen = [once[i] for i in sorted(random.choice(len(once), min(MOST, len(once)), replace=False))]
        texts = [text for text, _ in chosen]
        made.append(Task(name, [label for _, label in chosen], encoder.encode(texts), weighted(texts)))
    return made


def by_chance(vectors: Floats, labels: list[str], count: int, random: np.random.Generator) -> list[int]:
    return [*map(int, random.choice(len(vectors), count, replace=False))]


def of_each(vectors: Floats, labels: list[str], count: int, random: np.random.Generator) -> list[int]:
    """At random, as many of each label as there are."""
    strata = {str(i): label for i, label in enumerate(labels)}
    return [*map(int, stratified(strata, count, int(random.integers(2**31))))]


def farthest(vectors: Floats, labels: list[str], count: int, random: np.random.Generator) -> list[int]:
    """Each the farthest from those before it."""
    return [*map(int, diverse({str(i): row for i, row in enumerate(vectors)}, count, int(random.integers(2**31))))]


CHOICES: dict[str, Choose] = {
    "coverage": lambda vectors, labels, count, random: covering(vectors, count),
    "at random": by_chance,
    "of each label": of_each,
    "farthest": farthest,
}


def right(labels: list[str], space: Floats, examples: list[int], asked: list[int]) -> float:
    nearest = (space[asked] @ space[examples].T).argmax(axis=1)
    return float(np.mean([labels[one] == labels[examples[near]] for one, near in zip(asked, nearest, strict=True)]))


def measured(task: Task, splits: int, random: np.random.Generator) -> None:
    common, spread = Counter(task.labels).most_common(1)[0], len(task.labels)
    print(f"\n{task.name}: {spread} texts, {len({*task.labels})} labels, the commonest {common[1] / spread:.3f}")
    for count in COUNTS:
        found: dict[tuple[str, str], list[float]] = {}
        for _ in range(splits):
            drawn = [*map(int, random.permutation(spread)[: TRAIN + HELD])]
            train, held = drawn[:TRAIN], drawn[TRAIN:]
            for how, choose in CHOICES.items():
                chosen = choose(task.vectors[train], [task.labels[i] for i in train], count, random)
                examples = [train[i] for i in chosen]
                for by, space in (("vectors", task.vectors), ("words", task.words)):
                    found.setdefault((how, by), []).append(right(task.labels, space, examples, held))
        for by in ("vectors", "words"):
            means = ", ".join(f"{how} {np.mean(found[how, by]):.3f}" for how in CHOICES)
            print(f"  {count:2} examples, nearest by {by:7}: {means}")
            for other in ("at random", "of each label"):
                gain = np.array(found["coverage", by]) - np.array(found[other, by])
                half = 1.96 * gain.std(ddof=1) / math.sqrt(splits)
                told = f"{gain.mean():+.3f} ({gain.mean() - half:+.3f} to {gain.mean() + half:+.3f})"
                share = f"ahead in {np.mean(gain > 0):.0%}, behind in {np.mean(gain < 0):.0%}"
                print(f"     coverage less {other}: {told}, {share}")


def main() -> None:
    random = np.random.default_rng(SEED)
    for task in tasks(Path(sys.argv[1]), random):
        measured(task, int(sys.argv[2]) if len(sys.argv) > 2 else 200, random)


if __name__ == "__main__":
    main()
