"""Questions by where they come from, for measuring topics. The data is not part of the project: see README.md."""

import csv
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["DEVELOPMENT", "HELD_OUT", "questions"]

Read = Callable[[Path], Iterator[str]]


def _lines(name: str, field: str = "text") -> Read:
    def read(data: Path) -> Iterator[str]:
        with (data / name).open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)[field]

    return read


def _pandalm(data: Path) -> Iterator[str]:
    for one in json.loads((data / "pandalm_human_pairs/testset-v1.json").read_text()):
        yield f"{one['instruction']} {one['input']}".strip()


def _corpora(*names: str) -> Read:
    def read(data: Path) -> Iterator[str]:
        with (data / "chunking_eval/questions.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                if row["corpus_id"] in names:
                    yield row["question"]

    return read


def _finance(data: Path) -> Iterator[str]:
    yield from _lines("sec10q_pdf/questions.jsonl", "question")(data)
    yield from _corpora("finance")(data)


DEVELOPMENT: dict[str, Read] = {
    "tasks": _lines("benign_user_queries/data.jsonl"),
    "tweets": _lines("toxicity_davidson/data.jsonl"),
    "records": _lines("pii_presidio_synth/data.jsonl"),
    "injections": _lines("own_templates/data.jsonl"),
    "personas": _lines("jailbreak_inthewild/data.jsonl"),
}
HELD_OUT: dict[str, Read] = {
    "medicine": _lines("scifact/queries.jsonl"),
    "trivia": _lines("halueval_qa/data.jsonl", "question"),
    "writing": _pandalm,
    "finance": _finance,
    "harmful": _lines("harmful_requests/data.jsonl"),
}


def questions(data: Path, sources: dict[str, Read], each: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts, and the source of each: up to `each` different ones of every source, in a random order."""
    random_ = random.Random(seed)
    found = []
    for name, read in sources.items():
        texts = sorted({" ".join(text[:300].split()) for text in read(data)} - {""})
        found += [(text, name) for text in random_.sample(texts, min(each, len(texts)))]
    random_.shuffle(found)
    return [text for text, _ in found], [name for _, name in found]
