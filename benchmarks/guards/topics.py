#!/usr/bin/env python3
"""How well the guard `topic` tells texts of a topic from others, by a few examples that were written before.

python benchmarks/guards/topics.py DATA
"""

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from encoded import encoder
from measuring import between
from sources import INJECTION, Row, rows

from pilothouse.guards.heads.topic import Topic
from pilothouse.protocols import Conversation, Subject
from pilothouse.stats.separating import auroc

EXAMPLES = {
    "company reports": (
        "What was the revenue of the company in the second quarter?", "How much did operating income change?",
        "Which risk factors does the report name?", "How many shares did the company buy back?",
        "What are the net sales in Europe?", "Which legal proceedings are pending?",
    ),
    "biomedical research": (
        "This gene suppresses the growth of tumours.", "Patients who got the drug lived longer.",
        "Does the vaccine protect older people?", "The receptor is expressed in T cells.",
        "High blood pressure raises the risk of stroke.", "Mice without the protein are resistant to infection.",
    ),
}  # fmt: skip


def asked_of_reports(data: Path) -> Iterator[Row]:
    for row in rows(data / "sec10q_pdf" / "questions.jsonl"):
        yield row["question"], 0, ""


async def scores(topic: str, examples: Sequence[str], sets: dict[str, list[str]]) -> None:
    async with encoder() as models:
        guard = Topic(deny={topic: tuple(examples)})
        cosines = {}
        for name, texts in sets.items():
            found = [await guard.check(Subject(t, "input", conversation=Conversation(models=models))) for t in texts]
            cosines[name] = np.array([one.detail[topic]["cosine"] for one in found])
            hits = np.array([one.status == "triggered" for one in found])
            print(f"| {topic} | {name} | {len(texts)} | {hits.mean():.1%} | {between(hits)} |", flush=True)
        first, *others = cosines.values()
        print(f"| {topic} | AUROC of the first against the others | | {auroc(first, np.concatenate(others)):.3f} | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    reports = [row[0] for row in asked_of_reports(data)]
    claims = [row[0] for row in INJECTION["scifact_claims"](data)][:150]
    questions = [row[0] for row in INJECTION["benign_user_queries"](data)][:300]
    trivia = [row[0] for row in INJECTION["halueval_questions"](data)][:150]
    print("| topic | texts | number | of the topic | 95 % |\n|---|---|---|---|---|")
    rest = {"benign_user_queries": questions, "halueval_questions": trivia}
    own = {"company reports": ("sec10q_questions", reports), "biomedical research": ("scifact_claims", claims)}
    for topic, (name, texts) in own.items():
        others = dict(one for other, one in own.items() if other != topic)
        asyncio.run(scores(topic, EXAMPLES[topic], {name: texts, **others, **rest}))


if __name__ == "__main__":
    main()
