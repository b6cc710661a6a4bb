"""How often drift is told where there is some, and where there is none: with real questions, and with made-up answers.

    python benchmarks/observe/drift.py DATA [--trials 200] [--vectors FILE]

DATA is a folder with `benign_user_queries/data.jsonl` ({"text"}), `halueval_qa/data.jsonl` ({"question"}),
`scifact/queries.jsonl` ({"text"}) and `chunking_eval/questions.csv` (question, corpus_id). Their vectors are made by
the embedded encoder, once where `--vectors` names a file to keep them in. Beside other work OPENBLAS_NUM_THREADS=1 is
faster.

A trial draws a day and the 14 days before it, without replacement. `chance` is p <= 0.001, which is all that a test can
say; `rule` is what the built-in rule makes of it, which also asks for a size and for more than ordinary days stray.
"""

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pilothouse.alerts.drifted import judge_drift
from pilothouse.alerts.rules import Rule, rules_of
from pilothouse.models import Encoder, EncoderStore
from pilothouse.monitoring import AlertsConfig
from pilothouse.observe.topics.drifts import DayDrift
from pilothouse.settings import Settings
from pilothouse.stats.drift import Drift, binned, drift_of_counts, drift_of_vectors
from pilothouse.stats.histogram import bucket
from pilothouse.stats.robust import wilson

DAYS = 14
RULES = {rule.name: rule for rule in rules_of(AlertsConfig())}
Source = np.random.Generator
Vectors = np.ndarray[Any, np.dtype[np.float32]]


def questions(data: Path) -> dict[str, list[str]]:
    """The texts by source; those of the chunking set by the corpus that they ask about."""
    found = {
        "instructions": [json.loads(line)["text"] for line in _lines(data / "benign_user_queries/data.jsonl")],
        "trivia": [json.loads(line)["question"] for line in _lines(data / "halueval_qa/data.jsonl")],
        "claims": [json.loads(line)["text"] for line in _lines(data / "scifact/queries.jsonl")],
    }
    with (data / "chunking_eval/questions.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(f"about {row['corpus_id']}", []).append(row["question"])
    return {name: list(dict.fromkeys(texts)) for name, texts in found.items()}


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def vectors_of(data: Path, kept: Path | None) -> dict[str, Vectors]:
    """The vectors by source."""
    if kept is not None and kept.exists():
        return dict(np.load(kept))
    encoder = Encoder(EncoderStore(Settings().models_dir).ensure())
    made = {name: encoder.encode(texts) for name, texts in questions(data).items()}
    if kept is not None:
        np.savez(kept, **made)
    return made


def trials(name: str, rule: Rule, measure: str, draw: Callable[[Source], tuple[Drift, int]], count: int) -> None:
    """Print how many of `count` trials were told."""
    chance = told = 0
    effects, furthest = [], []
    for seed in range(count):
        drift, samples = draw(np.random.default_rng(seed))
        kind = "input" if measure == "questions" else "output"
        day = DayDrift(0, kind, measure, **asdict(drift), samples=samples, earlier=samples * DAYS, days=DAYS)
        reading = judge_drift(rule, day)
        chance += drift.p <= 0.001
        told += reading is not None and reading.passed
        effects.append(drift.effect)
        furthest.append(drift.furthest)
    shown = [f"{share(n, count):>24}" for n in (chance, told)]
    print(f"| {name:<44} | {' | '.join(shown)} | {np.median(effects):.3f} | {np.median(furthest):.3f} |", flush=True)


def share(count: int, total: int) -> str:
    low, high = wilson(count, total, 1.96)
    return f"{count / total:.1%} ({low:.1%} to {high:.1%})"


def head(title: str) -> None:
    print(f"\n{title}\n\n| | chance, 95 % sure | rule, 95 % sure | effect | ordinary days up to |")
    print("|---|---:|---:|---:|---:|")


# ---- inputs


def one_source(usual: Vectors, other: Vectors, size: int, part: float) -> Callable[[Source], tuple[Drift, int]]:
    """Days of one source, of which the last has a share of another."""

    def draw(source: Source) -> tuple[Drift, int]:
        foreign = round(size * part)
        chosen = usual[source.permutation(len(usual))[: size * (DAYS + 1) - foreign]]
        before = [chosen[n * size : (n + 1) * size] for n in range(DAYS)]
        day = np.concatenate([chosen[DAYS * size :], other[source.permutation(len(other))[:foreign]]])
        return drift_of_vectors(day, before), size

    return draw


def mixed(sources: Sequence[Vectors], size: int, part: float, other: Vectors) -> Callable[[Source], tuple[Drift, int]]:
    """Days that mix several sources by shares which differ from day to day, and at weekends more."""
    week, weekend = np.array([60.0, 25.0, 15.0]), np.array([45.0, 40.0, 15.0])

    def draw(source: Source) -> tuple[Drift, int]:
        first, days = int(source.integers(7)), []
        for n in range(DAYS + 1):
            weights = source.dirichlet(weekend if (first + n) % 7 >= 5 else week)
            foreign = round(size * part) if n == DAYS else 0
            counts = source.multinomial(size - foreign, weights)
            rows = [one[source.integers(0, len(one), k)] for one, k in zip(sources, counts, strict=True)]
            days.append(np.concatenate([*rows, other[source.integers(0, len(other), foreign)]]))
        return drift_of_vectors(days[-1], days[:-1]), size

    return draw


def inputs(found: dict[str, Vectors], count: int) -> None:
    rule = RULES["input-drift"]
    usual, others = found["instructions"], {name: found[name] for name in ("trivia", "claims")}
    for size in (100, 200):
        head(f"Inputs, {size} questions a day, instructions; a share of others on the last day")
        trials("none", rule, "questions", one_source(usual, usual[:0], size, 0.0), 2 * count)
        for name, part in ((name, part) for name in others for part in (0.05, 0.1, 0.2, 0.5)):
            trials(f"{part:.0%} {name}", rule, "questions", one_source(usual, others[name], size, part), count)
    finance, state = found["about finance"], found["about state_of_the_union"]
    several = [usual, found["trivia"], finance]
    head("Inputs, 200 questions a day of instructions, trivia and finance in shares that differ by day and at weekends")
    trials("none", rule, "questions", mixed(several, 200, 0.0, state), 2 * count)
    for part in (0.1, 0.2, 0.5):
        trials(f"{part:.0%} claims", rule, "questions", mixed(several, 200, part, found["claims"]), count)


# ---- outputs


def lengths(size: int, factor: float, part: float = 1.0) -> Callable[[Source], tuple[Drift, int]]:
    """Tokens of answers, lognormal with a median of 250 and a spread of 0.8, of days whose medians stray by 5 %; on the
    last a share of them is so many times as long."""

    def day(source: Source, last: bool) -> dict[int, int]:
        made = source.lognormal(np.log(250) + source.normal(0, 0.05), 0.8, size)
        if last:
            made *= np.where(source.random(size) < part, factor, 1.0)
        places, counts = np.unique([bucket(max(1.0, value)) for value in made], return_counts=True)
        return dict(zip(places.tolist(), counts.tolist(), strict=True))

    def draw(source: Source) -> tuple[Drift, int]:
        counts = binned([day(source, last=n == 0) for n in range(DAYS + 1)])
        return drift_of_counts(counts[0], counts[1:]), size

    return draw


def outputs(count: int) -> None:
    cases = (
        ("none", 1.0, 1.0),
        ("a quarter longer", 1.25, 1.0),
        ("half as long again", 1.5, 1.0),
        ("twice as long", 2.0, 1.0),
        ("half as long", 0.5, 1.0),
        ("a fifth cut to a tenth", 0.1, 0.2),
    )
    for size in (100, 500, 5000):
        head(f"Outputs: tokens of {size:,} answers a day")
        for name, factor, part in cases:
            times = 2 * count if name == "none" else count
            trials(name, RULES["output-drift"], "output_tokens", lengths(size, factor, part), times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--vectors", type=Path)
    given = parser.parse_args()
    found = vectors_of(given.data, given.vectors)
    print(", ".join(f"{len(rows)} {name}" for name, rows in found.items()))
    inputs(found, given.trials)
    outputs(given.trials)


if __name__ == "__main__":
    main()
