#!/usr/bin/env python3
"""How much evidence an extract keeps, beside cutting off the end and beside chance.

    python benchmarks/compression/run.py --data path/to/chunking_eval

`chunking_eval` holds five corpora and 472 questions with the exact passages that answer them (questions.csv). For each
question a window of 6,000 characters around its first passage stands for a long context, the passage at a random place.
A passage counts as kept when all its words, in order, are in what is left. The scoring has no parameter that was set on
these data. Intervals: 95 %, bootstrap over questions.
"""

import argparse
import csv
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from pilothouse.gateway.compress import extract, tidied

WINDOW = 6000
SHARES = (0.7, 0.5, 0.3)
csv.field_size_limit(10**9)


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def lead(text: str, question: str, share: float) -> str:
    return text[: int(len(text) * share)]


def chance(text: str, question: str, share: float) -> str:
    sentences = re.findall(r"[^\n]*?[.!?](?=\s)\s*|[^\n]+\s*", text)
    room, kept = len(text) * share, set()
    for i in random.Random(question).sample(range(len(sentences)), len(sentences)):
        if len(sentences[i]) <= room:
            kept.add(i)
            room -= len(sentences[i])
    return "".join(sentence for i, sentence in enumerate(sentences) if i in kept)


def kept(
    rows: list[dict[str, str]], texts: dict[str, str], method: Callable[[str, str, float], str], share: float
) -> tuple[list[float], list[float]]:
    """For each question the share of its passages that are left whole, and the share of the text that is gone."""
    shares, saved = [], []
    for row in rows:
        text, passages = texts[row["corpus_id"]], json.loads(row["references"])
        first = min(passage["start_index"] for passage in passages)
        start = max(0, first - int(random.Random(row["question"]).random() * (WINDOW - 500)))
        window = text[start : start + WINDOW]
        inside = [words(passage["content"]) for passage in passages if passage["content"] in window]
        if inside:
            short = method(window, row["question"], share)
            left = words(short)
            shares.append(sum(passage in left for passage in inside) / len(inside))
            saved.append(1 - len(short) / len(window))
    return shares, saved


def interval(values: list[float]) -> tuple[float, float]:
    source = random.Random(1)
    means = sorted(sum(source.choices(values, k=len(values))) / len(values) for _ in range(1000))
    return means[24], means[974]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    with (folder / "questions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    texts = {name: (folder / f"{name}.md").read_text() for name in {row["corpus_id"] for row in rows}}
    print("| kept share | method | passages kept whole | 95 % | text gone | questions |\n|---|---|---|---|---|---|")
    for share in SHARES:
        for name, method in (("extract", extract), ("cut off the end", lead), ("chance", chance)):
            values, saved = kept(rows, texts, method, share)
            low, high = interval(values)
            mean, gone = sum(values) / len(values), sum(saved) / len(saved)
            print(f"| {share} | {name} | {mean:.3f} | {low:.3f} to {high:.3f} | {gone:.1%} | {len(values)} |")
    values, saved = kept(rows, texts, lambda text, _question, _share: tidied(text), 1.0)
    print(f"\nlossless clean-up alone: {sum(saved) / len(saved):.2%} gone, {sum(values) / len(values):.3f} kept")
    for name in sorted(texts):
        own = [row for row in rows if row["corpus_id"] == name]
        values, _ = kept(own, texts, extract, 0.5)
        print(f"{name}: {sum(values) / len(values):.3f} of {len(values)} questions at 0.5")


if __name__ == "__main__":
    main()
